package conformance

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

const record = "learningplatform.io/previous-apiservice"

var apiServices = schema.GroupVersionResource{Group: "apiregistration.k8s.io", Version: "v1", Resource: "apiservices"}

// peer is another adapter, on custom-metrics-apiserver, which serves pods/requests of the same pods as we do.
type peer struct {
	port    int
	command *exec.Cmd
	done    chan struct{}
}

func (p *peer) start(t *testing.T) {
	t.Helper()
	log, err := os.OpenFile(filepath.Join(dir, "peer.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	must(t, err)
	defer log.Close()
	kubeconfig := os.Getenv("KUBECONFIG")
	p.command = exec.Command(os.Getenv("LP_PEER"), "--lister-kubeconfig", kubeconfig, "--authentication-kubeconfig", kubeconfig,
		"--authorization-kubeconfig", kubeconfig, "--secure-port", fmt.Sprint(p.port), "--pod-port", fmt.Sprint(auth.port),
		"--metric", "requests", "--cert-dir", filepath.Join(dir, "peer.certs"))
	p.command.Stdout, p.command.Stderr = log, log
	must(t, p.command.Start())
	p.done = make(chan struct{})
	go func(c *exec.Cmd, done chan struct{}) {
		_ = c.Wait()
		close(done)
	}(p.command, p.done)
	wait(t, "the other adapter serves", func() (bool, error) {
		r, err := client(nil).Get(fmt.Sprintf("https://127.0.0.1:%d/healthz", p.port))
		if err != nil && !strings.Contains(err.Error(), "certificate") { // not ours to verify
			return false, err
		}
		if err == nil {
			r.Body.Close()
		}
		return true, nil
	})
}

func (p *peer) end(signal syscall.Signal) {
	_ = p.command.Process.Signal(signal)
	<-p.done
}

// install makes its Service and both of its APIServices, as its chart would.
func (p *peer) install(t *testing.T) map[string]*unstructured.Unstructured {
	t.Helper()
	const namespace = "monitoring"
	_, err := clients.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, metav1.CreateOptions{})
	must(t, err)
	_, err = clients.CoreV1().Services(namespace).Create(ctx, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "other-adapter"},
		Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Name: "https", Port: 443}}}}, metav1.CreateOptions{})
	must(t, err)
	address, err := hostAddress()
	must(t, err)
	yes, https, port, tcp := true, "https", int32(p.port), corev1.ProtocolTCP
	_, err = clients.DiscoveryV1().EndpointSlices(namespace).Create(ctx, &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Name: "other-adapter", Labels: map[string]string{"kubernetes.io/service-name": "other-adapter"}},
		AddressType: discoveryv1.AddressTypeIPv4,
		Endpoints:   []discoveryv1.Endpoint{{Addresses: []string{address}, Conditions: discoveryv1.EndpointConditions{Ready: &yes}}},
		Ports:       []discoveryv1.EndpointPort{{Name: &https, Port: &port, Protocol: &tcp}},
	}, metav1.CreateOptions{})
	must(t, err)
	made := map[string]*unstructured.Unstructured{}
	for i, v := range versions {
		made[v], err = objects.Resource(apiServices).Create(ctx, &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
			"metadata": map[string]any{"name": v + "." + group, "labels": map[string]any{"app": "other-adapter"}},
			"spec": map[string]any{"group": group, "version": v, "insecureSkipTLSVerify": true, "groupPriorityMinimum": int64(90),
				"versionPriority": int64(70 - i), "service": map[string]any{"namespace": namespace, "name": "other-adapter", "port": int64(443)}},
		}}, metav1.CreateOptions{})
		must(t, err)
	}
	for _, v := range versions {
		wait(t, v+" of the other adapter is Available", func() (bool, error) { return available(v + "." + group) })
	}
	return made
}

func apiService(v string) (*unstructured.Unstructured, error) {
	return objects.Resource(apiServices).Get(ctx, v+"."+group, metav1.GetOptions{})
}

func leadsTo(o *unstructured.Unstructured) string {
	namespace, _, _ := unstructured.NestedString(o.Object, "spec", "service", "namespace")
	name, _, _ := unstructured.NestedString(o.Object, "spec", "service", "name")
	return namespace + "/" + name
}

func awaitLead(t *testing.T, to string) {
	t.Helper()
	for _, v := range versions {
		wait(t, v+" leads to "+to, func() (bool, error) {
			o, err := apiService(v)
			if err != nil {
				return false, err
			}
			return leadsTo(o) == to, fmt.Errorf("it leads to %s", leadsTo(o))
		})
	}
}

func awaitChained(t *testing.T) {
	t.Helper()
	awaitLead(t, systemNamespace+"/lp-metrics")
	for _, v := range versions {
		wait(t, v+" is Available", func() (bool, error) { return available(v + "." + group) })
	}
}

// through asks by way of kube-apiserver; a refusal's body is in the error.
func through(path string) (string, error) {
	body, err := clients.RESTClient().Get().RequestURI(path).DoRaw(ctx)
	if err != nil {
		err = fmt.Errorf("%w: %s", err, body)
	}
	return string(body), err
}

func awaitAnswer(t *testing.T, path, part string) {
	t.Helper()
	wait(t, path+" answers "+part, func() (bool, error) {
		body, err := through(path)
		return err == nil && strings.Contains(body, part), fmt.Errorf("%s %v", body, err)
	})
}

func restored(t *testing.T, before map[string]*unstructured.Unstructured) {
	t.Helper()
	awaitLead(t, "monitoring/other-adapter")
	for v, was := range before {
		now, err := apiService(v)
		must(t, err)
		if !reflect.DeepEqual(now.Object["spec"], was.Object["spec"]) {
			t.Errorf("%s: spec %v, wanted %v", v, now.Object["spec"], was.Object["spec"])
		}
		if len(now.GetAnnotations()) != 0 || len(now.GetOwnerReferences()) != 0 || !reflect.DeepEqual(now.GetLabels(), was.GetLabels()) {
			t.Errorf("%s: metadata %v", v, now.Object["metadata"])
		}
		wait(t, v+" has no fields of ours", func() (bool, error) {
			now, err := apiService(v)
			if err != nil {
				return false, err
			}
			for _, entry := range now.GetManagedFields() {
				if entry.Manager == "lp-adapter" {
					return false, fmt.Errorf("%+v", entry)
				}
			}
			return true, nil
		})
	}
}

// METRICS_API=Chain: another adapter was there before us. Ours come from us, its from it; it may go, come back, and claim
// its APIServices; when we are told to leave them they are as they were.
func TestChainAsksTheAdapterThatWasThereBefore(t *testing.T) {
	if os.Getenv("LP_PEER") == "" {
		t.Skip("LP_PEER is not set: run by test/conformance/run")
	}
	for _, o := range operators { // scaled to 0: they take their APIServices along
		o.end(syscall.SIGTERM)
		must(t, o.misled())
	}
	scale(t, 0)
	for _, v := range versions {
		_ = objects.Resource(apiServices).Delete(ctx, v+"."+group, metav1.DeleteOptions{})
	}
	scale(t, 2)
	auth.load(5, 1, 0)
	p := &peer{port: freePort()}
	p.start(t)
	before := p.install(t)
	defer func() { p.end(syscall.SIGKILL) }()
	address, err := hostAddress()
	must(t, err)
	for _, o := range operators {
		o.more = []string{"METRICS_API=Chain", fmt.Sprintf("CHAIN_CONNECT_TO=%s:%d", address, p.port)}
		must(t, o.start())
	}
	awaitChained(t)
	for _, v := range versions {
		o, err := apiService(v)
		must(t, err)
		if want := before[v].Object["spec"].(map[string]any)["versionPriority"]; o.Object["spec"].(map[string]any)["versionPriority"] != want {
			t.Errorf("%s: priority %v, wanted %v", v, o.Object["spec"], want)
		}
	}

	ours := below("v1beta2", "services/"+auth.name()+"/queue_depth")
	theirs := below("v1beta2", "pods/%2A/requests")
	t.Run("each metric from whoever has it", func(t *testing.T) {
		awaitAnswer(t, ours, `"14"`) // 2 x (5 + 1) and the backlog
		awaitAnswer(t, theirs, `"metric":{"name":"requests"`)
		awaitAnswer(t, below("v1beta1", "pods/%2A/requests?labelSelector=app.kubernetes.io%2Fname%3Dauth"), `"metricName":"requests"`)
		nobodys := below("v1beta2", "pods/nobody/queue_depth")
		each(func(o *operator) { // who is ready knows who was there before
			master(nobodys).do(t).expect(t, nobodys, 404, "nor does monitoring/other-adapter have it")
		})
		if _, err := through(nobodys); err == nil || !strings.Contains(err.Error(), "nor does monitoring/other-adapter have it") {
			t.Errorf("a pod that nobody has: %v", err)
		}
	})
	t.Run("who may not ask us may not ask it through us", func(t *testing.T) {
		proxied(theirs, "nobody", "system:authenticated").expect(t, 403, `pods/requests`)
		proxied("/apis/"+group+"/v1beta2/nodes/a/requests", "nobody", "system:authenticated").expect(t, 403, "")
		ask{path: theirs, headers: []string{"X-Remote-User: a", "X-Remote-Group: system:masters"}}.expect(t, 401, "")
	})
	t.Run("a request that we sent ourselves ends here", func(t *testing.T) {
		master(theirs, "Via: 1.1 lp-metrics."+systemNamespace).expect(t, 404, "could not find the metric requests")
	})
	t.Run("discovery lists both", bothAreListed)
	t.Run("a platform has no condition MetricsAPIConflict", noConflict)
	t.Run("ours goes on while it is down", func(t *testing.T) {
		p.end(syscall.SIGKILL)
		wait(t, "its metric is refused with the reason", func() (bool, error) {
			_, err := through(theirs)
			return err != nil && strings.Contains(err.Error(), "the previous metrics API monitoring/other-adapter"), err
		})
		if body, err := through(ours); err != nil || !strings.Contains(body, `"14"`) {
			t.Errorf("ours: %s %v", body, err)
		}
		bothAreListed(t) // as last read
		p.start(t)
		awaitAnswer(t, theirs, `"requests"`)
	})
	t.Run("its owner sets it back, and we come in again", func(t *testing.T) { setBack(t, before) })
	t.Run("a new process knows what was before", func(t *testing.T) {
		for _, o := range operators {
			o.end(syscall.SIGTERM)
			must(t, o.start2())
		}
		each(func(o *operator) {
			master(below("v1beta2", "pods/nobody/queue_depth")).do(t).expect(t, o.name, 404, "nor does monitoring/other-adapter have it")
		})
		awaitLead(t, systemNamespace+"/lp-metrics")
		awaitAnswer(t, theirs, `"requests"`)
	})
	t.Run("scaled to 0 everything is as it was", func(t *testing.T) {
		scale(t, 0)
		restored(t, before)
		scale(t, 2)
		awaitChained(t)
		awaitAnswer(t, theirs, `"requests"`)
	})
	t.Run("METRICS_API=None gives it back", func(t *testing.T) {
		restart(t, "METRICS_API=None")
		restored(t, before)
	})
	for _, v := range versions {
		must(t, objects.Resource(apiServices).Delete(ctx, v+"."+group, metav1.DeleteOptions{}))
	}
	restart(t)
	awaitChained(t)
}

// scale is what the Deployment says; its pods are Pending, the programs are ours to end.
func scale(t *testing.T, n int) {
	t.Helper()
	_, err := clients.AppsV1().Deployments(systemNamespace).Patch(ctx, "lp-operator", types.MergePatchType,
		[]byte(fmt.Sprintf(`{"spec":{"replicas":%d}}`, n)), metav1.PatchOptions{})
	must(t, err)
}

// start2 runs the program again behind the endpoint that it has.
func (o *operator) start2() error {
	if err := o.misled(); err != nil {
		return err
	}
	return o.start()
}

func bothAreListed(t *testing.T) {
	wait(t, "both are in discovery", func() (bool, error) {
		list, err := through("/apis/" + group + "/v1beta2")
		return strings.Contains(list, "services/demand") && strings.Contains(list, "pods/requests"), fmt.Errorf("%s %v", list, err)
	})
	got := master("/apis", "Accept: application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList").do(t)
	if got.status != http.StatusOK || !strings.Contains(got.body, `"subresource":"requests"`) || !strings.Contains(got.body, `"subresource":"demand"`) {
		t.Errorf("aggregated: %d %s", got.status, got.body)
	}
	again := master("/apis", "Accept: application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
		"If-None-Match: "+got.header.Get("ETag")).do(t)
	if again.status != http.StatusNotModified {
		t.Errorf("the same again: %d", again.status)
	}
	wait(t, "kube-apiserver's own aggregated discovery has both", func() (bool, error) {
		body, err := clients.RESTClient().Get().AbsPath("/apis").
			SetHeader("Accept", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList").DoRaw(ctx)
		var whole struct{ Items []json.RawMessage }
		if err != nil || json.Unmarshal(body, &whole) != nil {
			return false, err
		}
		for _, i := range whole.Items {
			if text := string(i); strings.Contains(text, `"`+group+`"`) {
				return strings.Contains(text, `"requests"`) && strings.Contains(text, `"demand"`), fmt.Errorf("%s", text)
			}
		}
		return false, fmt.Errorf("the group is not there")
	})
}

func noConflict(t *testing.T) {
	const namespace = "learning-chain"
	_, err := clients.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, metav1.CreateOptions{})
	must(t, err)
	in := objects.Resource(platforms).Namespace(namespace)
	_, err = in.Create(ctx, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "learningplatform.io/v1alpha1", "kind": "LearningPlatform", "metadata": map[string]any{"name": "beside"}}}, metav1.CreateOptions{})
	must(t, err)
	wait(t, "it has conditions", func() (bool, error) {
		o, err := in.Get(ctx, "beside", metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		all, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
		for _, c := range all {
			if m := c.(map[string]any); m["type"] == "MetricsAPIConflict" {
				t.Errorf("%v", m)
			}
		}
		return len(all) > 0, nil
	})
	must(t, in.Delete(ctx, "beside", metav1.DeleteOptions{}))
}

// setBack is what an upgrade of its chart does, with another port as the new spec.
func setBack(t *testing.T, before map[string]*unstructured.Unstructured) {
	for _, v := range versions {
		patch := `{"spec":{"caBundle":null,"insecureSkipTLSVerify":true,"versionPriority":50,"service":{"namespace":"monitoring","name":"other-adapter","port":443}}}`
		o, err := objects.Resource(apiServices).Patch(ctx, v+"."+group, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
		must(t, err)
		before[v].Object["spec"] = o.Object["spec"]
	}
	awaitChained(t)
	for _, v := range versions {
		o, err := apiService(v)
		must(t, err)
		if !strings.Contains(o.GetAnnotations()[record], `"versionPriority":50`) {
			t.Errorf("%s: the record is %s", v, o.GetAnnotations()[record])
		}
	}
	wait(t, "an Event tells", func() (bool, error) {
		events, err := clients.EventsV1().Events(systemNamespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		for _, e := range events.Items {
			if e.Reason == "MetricsAPISetBack" {
				return true, nil
			}
		}
		return false, nil
	})
}
