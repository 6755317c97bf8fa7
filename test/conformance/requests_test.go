package conformance

import (
	"crypto/tls"
	"strings"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var listAll = metav1.ListOptions{}

func TestAccept(t *testing.T) {
	path := below("v1beta2", "services/"+auth.name()+"/queue_depth")
	for accept, want := range map[string]int{
		"": 200, "*/*": 200, "application/json": 200, "application/*": 200,
		"application/vnd.kubernetes.protobuf, */*":                      200, // kube-controller-manager
		"application/vnd.kubernetes.protobuf,application/json":          200,
		"application/json;as=Table;v=v1;g=meta.k8s.io,application/json": 200, // kubectl get
		"application/vnd.kubernetes.protobuf":                           406,
		"application/yaml":                                              406,
		"application/json;q=0":                                          406,
	} {
		for _, p := range []string{path, "/apis/" + group + "/v1beta2"} {
			a := master(p)
			if accept != "" {
				a = master(p, "Accept: "+accept)
			}
			got := a.expect(t, want, "")
			if ct := got.header.Get("Content-Type"); ct != "application/json" {
				t.Errorf("Accept %q: Content-Type %q", accept, ct)
			}
		}
	}
	master("/apis", "Accept: application/vnd.kubernetes.protobuf").expect(t, 406, "application/json")
}

func TestMethodsOtherThanGet(t *testing.T) {
	for _, method := range []string{"HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
		a := master(below("v1beta2", "services/"+auth.name()+"/queue_depth"), "Content-Length: 0")
		a.method = method
		got := a.expect(t, 405, "")
		if got.header.Get("Allow") != "GET" {
			t.Errorf("%s: Allow is %q", method, got.header.Get("Allow"))
		}
	}
}

func TestPathsThatNameNothing(t *testing.T) {
	for path, want := range map[string]int{
		"/apis/" + group + "/v1beta2/namespaces/a%2Fpods/services/x/queue_depth": 400,
		"/apis/" + group + "/v1beta2/namespaces/a/pods%2Fx/queue_depth":          400,
		"/apis/" + group + "/v1beta2/namespaces/%2e%2e/pods/x/queue_depth":       400,
		"/apis/" + group + "/v1beta2/namespaces//pods/x/queue_depth":             400,
		"/apis/" + group + "/v1beta2/namespaces/a/pods/%zz/queue_depth":          400,
		"/apis/" + group + "/v1beta2/namespaces/a/pods/x/queue%00depth":          400,
		below("v1beta2", "services/"+auth.name()+"/nonsense"):                    404,
		below("v1beta2", "deployments.apps/"+auth.name()+"/queue_depth"):         404,
		below("v1beta2", "metrics/queue_depth"):                                  404, // of the namespace itself
		below("v1beta2", "services/nobody/queue_depth"):                          404,
		"/apis/" + group + "/v1beta2/nodes/n/queue_depth":                        404,
		"/apis/other.example/v1":                                                 404,
		"/nothing":                                                               404,
	} {
		master(path).expect(t, want, "")
	}
}

// Over 16 KiB it is our Status; over 32 KiB nothing of it is kept, and libmicrohttpd answers by itself.
func TestSixtyFourKilobytesOfHeadersAreRefusedAndHurtNobody(t *testing.T) {
	many := strings.TrimSuffix(strings.Repeat("X-Remote-Group: g\r\n", 65536/19), "\r\n")
	for _, header := range []string{"X-Filler: " + strings.Repeat("x", 20000), "X-Filler: " + strings.Repeat("x", 65536),
		"X-Filler: " + strings.Repeat("x", 200000), many} {
		c := dial(t, &pki.proxy)
		got := master("/apis", header).on(t, c)
		if got.status != 431 {
			t.Errorf("%d bytes: %d %.100s", len(header), got.status, got.body)
		}
		if len(header) < 32000 {
			got.expect(t, "/apis", 431, "headers")
		}
		c.Close()
	}
	master("/apis").expect(t, 200, group)
}

// Five probes for each of three APIServices from each of three kube-apiservers, and the HPA controller.
func TestSixtyConnectionsAtATime(t *testing.T) {
	const n = 60
	var all [n]*tls.Conn
	var group sync.WaitGroup
	for i := range all {
		group.Add(1)
		go func() { defer group.Done(); all[i] = dial(t, &pki.proxy) }()
	}
	group.Wait()
	for round := 0; round < 3; round++ {
		for i := range all {
			group.Add(1)
			go func() {
				defer group.Done()
				master(below("v1beta2", "services/"+auth.name()+"/queue_depth")).on(t, all[i]).expect(t, "metric", 200, "MetricValueList")
			}()
		}
		group.Wait()
	}
	for _, c := range all {
		c.Close()
	}
}
