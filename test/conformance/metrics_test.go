package conformance

import (
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/metrics/pkg/client/custom_metrics"
)

func below(version, rest string) string {
	return "/apis/" + group + "/" + version + "/namespaces/" + auth.namespace + "/" + rest
}

// metricsClients are the HPA controller's, with its content types: any version, then v1beta1.
func metricsClients(t *testing.T) []custom_metrics.CustomMetricsClient {
	t.Helper()
	c := rest.CopyConfig(config)
	c.ContentType = "application/vnd.kubernetes.protobuf"
	d, err := discovery.NewDiscoveryClientForConfig(c)
	must(t, err)
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(d))
	old, err := custom_metrics.NewForVersionForConfig(rest.CopyConfig(c), mapper, schema.GroupVersion{Group: group, Version: "v1beta1"})
	must(t, err)
	return []custom_metrics.CustomMetricsClient{
		custom_metrics.NewForConfig(c, mapper, custom_metrics.NewAvailableAPIsGetter(d)), old}
}

var serviceKind = schema.GroupKind{Kind: "Service"}
var podKind = schema.GroupKind{Kind: "Pod"}

func TestGoMetricsClientsReadObjectsAndPods(t *testing.T) {
	auth.load(5, 1, 0)
	for _, c := range metricsClients(t) {
		in := c.NamespacedMetrics(auth.namespace)
		wait(t, "2 x (5 + 1) and the backlog once", func() (bool, error) {
			v, err := in.GetForObject(serviceKind, auth.name(), "queue_depth", labels.NewSelector())
			return err == nil && v.Value.Value() == 14 && v.DescribedObject.Kind == "Service" &&
				v.DescribedObject.Name == auth.name() && v.Metric.Name == "queue_depth" &&
				time.Since(v.Timestamp.Time) < 5*time.Second && time.Since(v.Timestamp.Time) > -2*time.Second, err
		})
		selector := labels.SelectorFromSet(labels.Set{"app.kubernetes.io/name": "auth"})
		list, err := in.GetForObjects(podKind, selector, "queue_depth", labels.NewSelector())
		must(t, err)
		if len(list.Items) != 2 {
			t.Fatalf("%d pods", len(list.Items))
		}
		for _, item := range list.Items {
			if item.Value.MilliValue() != 6000 || item.DescribedObject.Kind != "Pod" || item.DescribedObject.Namespace != auth.namespace {
				t.Errorf("%+v", item)
			}
		}
		_, err = in.GetForObject(serviceKind, auth.name(), "nonsense", labels.NewSelector())
		if !apierrors.IsNotFound(err) || !strings.Contains(err.Error(), "could not find the metric nonsense for services") {
			t.Errorf("an unknown metric: %v", err)
		}
		_, err = in.GetForObject(serviceKind, "english-nobody", "queue_depth", labels.NewSelector())
		if !apierrors.IsNotFound(err) || !strings.Contains(err.Error(), "english-nobody") {
			t.Errorf("an unknown service: %v", err)
		}
	}
}

// The two versions differ in three names.
func TestFieldNamesOfBothVersions(t *testing.T) {
	for v, want := range map[string][]string{
		"v1beta2": {`"metric":{"name":"queue_depth","selector":null}`, `"windowSeconds":0`},
		"v1beta1": {`"metricName":"queue_depth"`, `"window":0`, `"selector":null`},
	} {
		got := master(below(v, "services/"+auth.name()+"/queue_depth")).expect(t, 200, `"kind":"MetricValueList"`)
		for _, part := range append(want, `"apiVersion":"custom.metrics.k8s.io/`+v+`"`) {
			if !strings.Contains(got.body, part) {
				t.Errorf("%s: no %s in %s", v, part, got.body)
			}
		}
		var list struct {
			Items []struct {
				Timestamp, Value string
				DescribedObject  map[string]string
			}
		}
		must(t, json.Unmarshal([]byte(got.body), &list))
		if _, err := time.Parse("2006-01-02T15:04:05Z", list.Items[0].Timestamp); err != nil || strings.ContainsAny(list.Items[0].Value, "eE") {
			t.Errorf("%+v", list.Items[0])
		}
		object := map[string]string{"kind": "Service", "namespace": "learning", "name": "english-auth", "apiVersion": "v1"}
		if !reflect.DeepEqual(list.Items[0].DescribedObject, object) {
			t.Errorf("%+v", list.Items[0])
		}
	}
}

// Every operator of the grammar, sent as the HPA controller and kubectl send it: escaped and not.
func TestPodSelectors(t *testing.T) {
	const name = "app.kubernetes.io/name"
	for selector, want := range map[string]int{
		"": 2, name + "=auth": 2, name + "==auth": 2, name + "!=auth": 0, name + "=other": 0,
		name + " in (auth,x)": 2, name + " in (x)": 0, name + " notin (x)": 2, name + " notin (auth)": 0,
		name: 2, "!" + name: 0, "absent": 0, "!absent": 2, "absent!=x": 2, "absent notin (x)": 2,
		name + "=auth,!absent": 2, name + "=auth,absent": 0, name + "=": 0,
	} {
		for _, star := range []string{"*", "%2A", "%2a"} {
			path := below("v1beta2", "pods/"+star+"/queue_depth?labelSelector="+url.QueryEscape(selector))
			if selector == "" && star == "%2A" {
				path = below("v1beta2", "pods/%2A/queue_depth")
			}
			got := master(path).do(t)
			if n := strings.Count(got.body, `"describedObject"`); want > 0 && (got.status != 200 || n != want) {
				t.Errorf("%s %q: %d with %d pods: %s", star, selector, got.status, n, got.body)
			} else if want == 0 && (n != 0 || got.status != 200 && got.status != 404) {
				t.Errorf("%s %q: %d with %d pods: %s", star, selector, got.status, n, got.body)
			}
		}
	}
	for _, bad := range []string{"a in (", "a b", "=x", "a in x", "(", "a=b,,c"} {
		master(below("v1beta2", "pods/%2A/queue_depth?labelSelector="+url.QueryEscape(bad))).expect(t, 400, "labelSelector")
	}
	master(below("v1beta2", "services/"+auth.name()+"/queue_depth?metricLabelSelector=a%3Db")).expect(t, 404, "metricLabelSelector")
}

func TestKubectlRaw(t *testing.T) {
	body, err := clients.RESTClient().Get().AbsPath(below("v1beta2", "pods/*/queue_depth")).
		Param("labelSelector", "app.kubernetes.io/name=auth").DoRaw(ctx)
	must(t, err)
	if n := strings.Count(string(body), `"describedObject"`); n != 2 {
		t.Errorf("%d pods: %s", n, body)
	}
}

// The message of a Status is what "kubectl describe hpa" shows.
func TestMessagesOfFailuresExplain(t *testing.T) {
	auth.load(5, 1, 0)
	path := below("v1beta2", "services/"+auth.name()+"/queue_depth")
	list, err := clients.CoreV1().Pods(auth.namespace).List(ctx, listAll)
	must(t, err)
	for i, p := range list.Items {
		must(t, auth.setReady(p.Name, auth.pods[i].address, false))
	}
	wait(t, "no pod is Ready, and the message says so", func() (bool, error) {
		got := master(path).do(t)
		return got.status == 503 && strings.Contains(got.body, "no pod of english-auth is Ready"), fmt.Errorf("%s", got.body)
	})
	for i, p := range list.Items {
		must(t, auth.setReady(p.Name, auth.pods[i].address, true))
	}
	awaitEach(t, path, `"value":"14"`)
	for _, p := range auth.pods {
		p.silent.Store(true)
	}
	wait(t, "no pod answers, and the message names one", func() (bool, error) {
		got := master(path).do(t)
		named := strings.Contains(got.body, list.Items[0].Name) || strings.Contains(got.body, list.Items[1].Name)
		return got.status == 503 && named && strings.Contains(got.body, "0 of 2 english-auth pods scraped") &&
			strings.Contains(got.body, "timed out"), fmt.Errorf("%s", got.body)
	})
	for _, p := range auth.pods {
		p.silent.Store(false)
	}
	awaitEach(t, path, `"value":"14"`)
}
