package conformance

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// A pod that somebody else made, with the labels of a service and a backlog without end, is never even asked.
func TestAPodThatNoPlatformOwnsIsNotBelieved(t *testing.T) {
	auth.load(5, 1, 0)
	in := metricsClients(t)[0].NamespacedMetrics(auth.namespace)
	depth := func() (int64, error) {
		v, err := in.GetForObject(serviceKind, auth.name(), "queue_depth", labels.NewSelector())
		if err != nil {
			return 0, err
		}
		return v.Value.Value(), nil
	}
	wait(t, "2 x (5 + 1) and the backlog once", func() (bool, error) {
		n, err := depth()
		return n == 14, err
	})
	var asked atomic.Int64
	server := &http.Server{Addr: fmt.Sprintf("127.0.0.39:%d", auth.port), Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		fmt.Fprint(w, "lp_requests_waiting 1000000\nlp_requests_in_flight 0\nlp_backlog{queue=\"ai\"} 1000000\n")
	})}
	go func() { _ = server.ListenAndServe() }()
	defer server.Close()
	_, err := clients.CoreV1().Pods(auth.namespace).Create(ctx, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "stray", Labels: auth.labels()},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "none.invalid/none:1"}}}}, metav1.CreateOptions{})
	must(t, err)
	defer func() {
		zero := int64(0)
		must(t, clients.CoreV1().Pods(auth.namespace).Delete(ctx, "stray", metav1.DeleteOptions{GracePeriodSeconds: &zero}))
	}()
	must(t, auth.setReady("stray", "127.0.0.39", true))
	for end := time.Now().Add(6 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if n, err := depth(); err != nil || n != 14 {
			t.Fatalf("queue depth %d instead of 14, %v", n, err)
		}
	}
	if asked.Load() > 0 {
		t.Errorf("it was asked %d times", asked.Load())
	}
}
