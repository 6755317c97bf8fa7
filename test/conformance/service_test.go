package conformance

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// service is a Deployment of the platform whose pods are this program: the ReplicaSet controller makes
// them, their status is written here, and their metrics port is on loopback addresses.
type service struct {
	namespace, platform, component string
	port                           int
	pods                           [2]*pod
}

// pod answers on address:port with a page as the services have.
type pod struct {
	address           string
	waiting, inFlight atomic.Int64
	perSecond         atomic.Int64 // requests, each of 0.2 s
	began             time.Time
	requests          atomic.Int64 // before began
	silent            atomic.Bool  // takes connections and never answers
}

func (s *service) name() string { return s.platform + "-" + s.component }

func (s *service) labels() map[string]string {
	return map[string]string{"app.kubernetes.io/name": s.component, "app.kubernetes.io/part-of": s.platform,
		"app.kubernetes.io/managed-by": "lp-operator", "app.kubernetes.io/component": "service"}
}

func newService(namespace, platform, component string) (*service, error) {
	s := &service{namespace: namespace, platform: platform, component: component, port: freePort()}
	for i := range s.pods {
		s.pods[i] = &pod{address: fmt.Sprintf("127.0.0.%d", 31+i), began: time.Now()}
		server := &http.Server{Addr: fmt.Sprintf("%s:%d", s.pods[i].address, s.port), Handler: s.pods[i]}
		go func() { panic(server.ListenAndServe()) }()
	}
	_, err := clients.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, metav1.CreateOptions{})
	if err != nil {
		return nil, err
	}
	owners, err := platformOwner(namespace, platform)
	if err != nil {
		return nil, err
	}
	two := int32(len(s.pods))
	_, err = clients.AppsV1().Deployments(namespace).Create(ctx, &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: s.name(), Labels: s.labels(), OwnerReferences: owners},
		Spec: appsv1.DeploymentSpec{Replicas: &two, Selector: &metav1.LabelSelector{MatchLabels: s.labels()},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: s.labels()},
				Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "none.invalid/none:1"}}}}},
	}, metav1.CreateOptions{})
	if err != nil {
		return nil, err
	}
	return s, s.makeReady()
}

// platformOwner makes a LearningPlatform of a class that no operator carries out: the owner of a Deployment whose pods count.
func platformOwner(namespace, name string) ([]metav1.OwnerReference, error) {
	yes := true
	var made *unstructured.Unstructured
	err := until("the definition takes a LearningPlatform", func() (bool, error) {
		var err error
		made, err = objects.Resource(platforms).Namespace(namespace).Create(ctx, &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "learningplatform.io/v1alpha1", "kind": "LearningPlatform",
			"metadata": map[string]any{"name": name}, "spec": map[string]any{"className": "conformance"}}}, metav1.CreateOptions{})
		return err == nil, err
	})
	if err != nil {
		return nil, err
	}
	return []metav1.OwnerReference{{APIVersion: "learningplatform.io/v1alpha1", Kind: "LearningPlatform", Name: name,
		UID: made.GetUID(), Controller: &yes}}, nil
}

// makeReady is the kubelet's part.
func (s *service) makeReady() error {
	var list *corev1.PodList
	err := until("two pods", func() (bool, error) {
		var err error
		list, err = clients.CoreV1().Pods(s.namespace).List(ctx, metav1.ListOptions{})
		return err == nil && len(list.Items) == len(s.pods), err
	})
	for i := 0; err == nil && i < len(s.pods); i++ {
		err = s.setReady(list.Items[i].Name, s.pods[i].address, true)
	}
	return err
}

func (s *service) setReady(name, address string, ready bool) error {
	word := map[bool]string{true: "True", false: "False"}[ready]
	patch := fmt.Sprintf(`{"status":{"phase":"Running","podIP":%q,"podIPs":[{"ip":%q}],"conditions":[{"type":"Ready","status":%q,"lastTransitionTime":%q}]}}`,
		address, address, word, time.Now().UTC().Format(time.RFC3339))
	_, err := clients.CoreV1().Pods(s.namespace).Patch(ctx, name, types.MergePatchType, []byte(patch), metav1.PatchOptions{}, "status")
	return err
}

// load sets both pods; perSecond is of each.
func (s *service) load(waiting, inFlight, perSecond int64) {
	for _, p := range s.pods {
		p.waiting.Store(waiting)
		p.inFlight.Store(inFlight)
		p.requests.Store(p.count())
		p.began = time.Now()
		p.perSecond.Store(perSecond)
	}
}

func (p *pod) count() int64 {
	return p.requests.Load() + int64(time.Since(p.began).Seconds()*float64(p.perSecond.Load()))
}

const answered = 0.2 // seconds that every request takes

func (p *pod) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p.silent.Load() {
		select {
		case <-r.Context().Done():
		case <-time.After(deadline):
		}
		return
	}
	var b strings.Builder
	n := p.count()
	fmt.Fprintf(&b, "lp_requests_waiting{service=\"auth\"} %d\nlp_requests_in_flight{service=\"auth\"} %d\n", p.waiting.Load(), p.inFlight.Load())
	fmt.Fprintf(&b, "lp_request_slots{service=\"auth\"} 4\nlp_backlog{queue=\"ai\"} 2\n")
	fmt.Fprintf(&b, "lp_requests_total{service=\"auth\",route=\"/login\",code=\"200\"} %d\n", n-n/4)
	fmt.Fprintf(&b, "lp_requests_total{service=\"auth\",route=\"/login\",code=\"503\"} %d\n", n/4)
	fmt.Fprintf(&b, "lp_circuits_open{upstream=\"auth\"} 2\n")
	for _, bound := range []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30} {
		below := int64(0)
		if bound >= answered {
			below = n
		}
		fmt.Fprintf(&b, "lp_request_seconds_bucket{service=\"auth\",le=\"%g\"} %d\n", bound, below)
	}
	fmt.Fprintf(&b, "lp_request_seconds_bucket{service=\"auth\",le=\"+Inf\"} %d\n", n)
	fmt.Fprintf(&b, "lp_request_seconds_sum{service=\"auth\"} %g\nlp_request_seconds_count{service=\"auth\"} %d\n", float64(n)*answered, n)
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	_, _ = w.Write([]byte(b.String()))
}

// backTo sets the Deployment's replicas and waits until only the Ready pods are left.
func (s *service) backTo(t *testing.T, replicas int) {
	t.Helper()
	_, err := clients.AppsV1().Deployments(s.namespace).Patch(ctx, s.name(), types.MergePatchType,
		[]byte(fmt.Sprintf(`{"spec":{"replicas":%d}}`, replicas)), metav1.PatchOptions{})
	must(t, err)
	wait(t, "the surplus pods are gone", func() (bool, error) {
		list, err := clients.CoreV1().Pods(s.namespace).List(context.Background(), metav1.ListOptions{})
		return err == nil && len(list.Items) == replicas, err
	})
}
