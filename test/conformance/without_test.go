package conformance

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
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

// Another adapter took a version for itself: it keeps it, and every platform's status says whose it is.
func TestAnotherAdaptersAPIServiceIsLeftAloneAndTold(t *testing.T) {
	apiServices := objects.Resource(schema.GroupVersionResource{Group: "apiregistration.k8s.io", Version: "v1", Resource: "apiservices"})
	name := "v1beta1." + group
	_, err := apiServices.Patch(ctx, name, types.MergePatchType, []byte(`{"spec":{"service":{"namespace":"monitoring","name":"somebody-else"}}}`), metav1.PatchOptions{})
	must(t, err)
	condition := func(want, part string) func() (bool, error) {
		return func() (bool, error) {
			o, err := objects.Resource(platforms).Namespace("learning-without").Get(ctx, "quiet", metav1.GetOptions{})
			if err != nil {
				return false, err
			}
			all, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
			for _, c := range all {
				m := c.(map[string]any)
				if m["type"] == "MetricsAPIConflict" {
					return m["status"] == want && strings.Contains(m["message"].(string), part), fmt.Errorf("%v", m)
				}
			}
			return false, fmt.Errorf("no such condition")
		}
	}
	wait(t, "the platform tells of it", condition("True", name+" leads to Service monitoring/somebody-else"))
	o, err := apiServices.Get(ctx, name, metav1.GetOptions{})
	must(t, err)
	if got, _, _ := unstructured.NestedString(o.Object, "spec", "service", "name"); got != "somebody-else" {
		t.Errorf("it leads to %q now", got)
	}
	must(t, apiServices.Delete(ctx, name, metav1.DeleteOptions{}))
	wait(t, "it is ours again", func() (bool, error) { return available(name) })
	wait(t, "the platform tells of that too", condition("False", "lead to the operator"))
}
