package conformance

import (
	"fmt"
	"syscall"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var platforms = schema.GroupVersionResource{Group: "learningplatform.io", Version: "v1alpha1", Resource: "learningplatforms"}

func restart(t *testing.T, more ...string) {
	t.Helper()
	for _, o := range operators {
		o.end(syscall.SIGTERM)
		must(t, o.misled())
	}
	for _, o := range operators {
		o.more = more
		must(t, o.start())
	}
}

// METRICS_API=None: no APIService leads to the programs, the leader lifts minReplicas by what it scraped,
// and the HPA of the real controller follows. Back at Own everything is as before.
func TestWithoutAMetricsAPIMinReplicasFollowsTheQueueDepth(t *testing.T) {
	const namespace, name = "learning-without", "quiet-auth"
	_, err := clients.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, metav1.CreateOptions{})
	must(t, err)
	auth.load(15, 1, 0)
	restart(t, "METRICS_API=None")
	for _, v := range versions {
		wait(t, "no APIService "+v, func() (bool, error) {
			_, err := available(v + "." + group)
			return apierrors.IsNotFound(err), err
		})
	}
	_, err = objects.Resource(platforms).Namespace(namespace).Create(ctx, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "learningplatform.io/v1alpha1", "kind": "LearningPlatform", "metadata": map[string]any{"name": "quiet"}}}, metav1.CreateOptions{})
	must(t, err)
	var pods *corev1.PodList
	wait(t, "a pod of "+name, func() (bool, error) {
		pods, err = clients.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=auth"})
		return err == nil && len(pods.Items) == 1, err
	})
	quiet := &service{namespace: namespace}
	must(t, quiet.setReady(pods.Items[0].Name, auth.pods[0].address, true))

	// 15 + 1 and the backlog of 2, at the default target of 4 per pod
	hpas := clients.AutoscalingV2().HorizontalPodAutoscalers(namespace)
	wait(t, "minReplicas is 5, and the Deployment has as many", func() (bool, error) {
		h, err := hpas.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		d, err := clients.AppsV1().Deployments(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		return h.Spec.MinReplicas != nil && *h.Spec.MinReplicas == 5 && len(h.Spec.Metrics) == 2 && *d.Spec.Replicas == 5,
			fmt.Errorf("%+v, replicas %d", h.Spec, *d.Spec.Replicas)
	})

	restart(t)
	for _, v := range versions {
		wait(t, "APIService "+v+" is Available again", func() (bool, error) { return available(v + "." + group) })
	}
	wait(t, "the HPA asks for the queue depth, from 1 replica", func() (bool, error) {
		h, err := hpas.Get(ctx, name, metav1.GetOptions{})
		return err == nil && *h.Spec.MinReplicas == 1 && len(h.Spec.Metrics) == 3, err
	})
}
