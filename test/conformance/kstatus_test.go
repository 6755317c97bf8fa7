package conformance

import (
	"os"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/json" // whole numbers stay whole
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

func kstatusOf(t *testing.T, object *unstructured.Unstructured) status.Status {
	t.Helper()
	result, err := status.Compute(object)
	must(t, err)
	return result.Status
}

// What the operator writes (the unit tests hold these files), as Flux, Helm and kpt read it.
func TestKstatusReadsEveryStatusOfTheOperator(t *testing.T) {
	for name, want := range map[string]status.Status{
		"rolling": status.InProgressStatus, "changed": status.InProgressStatus, "ready": status.CurrentStatus,
		"refused": status.FailedStatus, "invalid": status.FailedStatus,
	} {
		text, err := os.ReadFile("../unit/golden/kstatus-" + name + ".json")
		must(t, err)
		var written map[string]any
		must(t, json.Unmarshal(text, &written))
		object := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "learningplatform.io/v1alpha1", "kind": "LearningPlatform",
			"metadata": map[string]any{"name": "english", "namespace": "learning", "generation": int64(7)}, "status": written}}
		if got := kstatusOf(t, object); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
		object.SetGeneration(8)
		if got := kstatusOf(t, object); got != status.InProgressStatus {
			t.Errorf("%s, of a generation that the operator has not seen: %s", name, got)
		}
	}
}

// Before the operator's first look the definition's default keeps anybody from taking it for done; then a Deployment of
// somebody else under the platform's name needs a person, and when that is gone the operator goes on by itself.
func TestKstatusOfALivingPlatform(t *testing.T) {
	const namespace = "learning-kstatus"
	_, err := clients.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, metav1.CreateOptions{})
	must(t, err)
	labels := map[string]string{"a": "b"}
	deployments := clients.AppsV1().Deployments(namespace)
	_, err = deployments.Create(ctx, &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "english-auth"}, Spec: appsv1.DeploymentSpec{
		Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels},
			Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "a", Image: "a"}}}}}}, metav1.CreateOptions{})
	must(t, err)
	living := objects.Resource(platforms).Namespace(namespace)
	created, err := living.Create(ctx, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "learningplatform.io/v1alpha1", "kind": "LearningPlatform", "metadata": map[string]any{"name": "english"}}}, metav1.CreateOptions{})
	must(t, err)
	if seen, _, _ := unstructured.NestedInt64(created.Object, "status", "observedGeneration"); seen != -1 {
		t.Errorf("status.observedGeneration of a new platform is %d, want -1", seen)
	}
	if got := kstatusOf(t, created); got != status.InProgressStatus {
		t.Errorf("a new platform: %s", got)
	}
	becomes := func(want status.Status) {
		t.Helper()
		wait(t, "kstatus is "+want.String(), func() (bool, error) {
			now, err := living.Get(ctx, "english", metav1.GetOptions{})
			return err == nil && kstatusOf(t, now) == want, err
		})
	}
	becomes(status.FailedStatus)
	must(t, deployments.Delete(ctx, "english-auth", metav1.DeleteOptions{}))
	becomes(status.InProgressStatus)
}
