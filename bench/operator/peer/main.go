// The peer that bench/operator measures lp-operator against: what a Go team would write with controller-runtime, in
// its strongest form. One LearningPlatform gives 18 children (children.go), each by CreateOrUpdate; the cache holds
// only objects with our label and without managedFields; 10 workers; status written only when it differs.
package main

import (
	"context"
	"flag"
	"os"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
)

var groupVersion = schema.GroupVersion{Group: "learningplatform.io", Version: "v1alpha1"}

// Platform is a LearningPlatform, as far as the peer needs it.
type Platform struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Status            PlatformStatus `json:"status,omitempty"`
}

// PlatformStatus is what the peer writes.
type PlatformStatus struct {
	ObservedGeneration int64              `json:"observedGeneration,omitempty"`
	Conditions         []metav1.Condition `json:"conditions,omitempty"`
}

// DeepCopyObject makes Platform a runtime.Object.
func (p *Platform) DeepCopyObject() runtime.Object {
	c := *p
	c.ObjectMeta = *p.ObjectMeta.DeepCopy()
	c.Status.Conditions = append([]metav1.Condition(nil), p.Status.Conditions...)
	return &c
}

// PlatformList is a list of them.
type PlatformList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Platform `json:"items"`
}

// DeepCopyObject makes PlatformList a runtime.Object.
func (l *PlatformList) DeepCopyObject() runtime.Object {
	c := *l
	c.Items = make([]Platform, len(l.Items))
	for i := range l.Items {
		c.Items[i] = *l.Items[i].DeepCopyObject().(*Platform)
	}
	return &c
}

type reconciler struct {
	client.Client
	scheme *runtime.Scheme
}

func (r *reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	var platform Platform
	if err := r.Get(ctx, request.NamespacedName, &platform); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !platform.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil
	}
	for _, c := range children(&platform) {
		_, err := controllerutil.CreateOrUpdate(ctx, r.Client, c.object, func() error {
			c.mutate()
			return controllerutil.SetControllerReference(&platform, c.object, r.scheme)
		})
		if err != nil {
			return ctrl.Result{}, err
		}
	}
	return ctrl.Result{}, r.writeStatus(ctx, &platform)
}

func (r *reconciler) writeStatus(ctx context.Context, platform *Platform) error {
	changed := meta.SetStatusCondition(&platform.Status.Conditions, metav1.Condition{
		Type: "Ready", Status: metav1.ConditionTrue, Reason: "AsExpected", Message: "every object is written",
		ObservedGeneration: platform.Generation,
	})
	if platform.Status.ObservedGeneration == platform.Generation && !changed {
		return nil
	}
	platform.Status.ObservedGeneration = platform.Generation
	return r.Status().Update(ctx, platform)
}

// ownKinds are the kinds of the children: watched, and cached where they carry our label.
func ownKinds() []client.Object {
	return []client.Object{
		&appsv1.Deployment{}, &appsv1.StatefulSet{}, &corev1.Service{}, &corev1.ServiceAccount{}, &corev1.ConfigMap{},
		&autoscalingv2.HorizontalPodAutoscaler{}, &policyv1.PodDisruptionBudget{}, &networkingv1.NetworkPolicy{},
	}
}

func cacheOptions() cache.Options {
	ours := cache.ByObject{Label: labels.SelectorFromSet(labels.Set{managedBy: manager})}
	byObject := map[client.Object]cache.ByObject{}
	for _, o := range ownKinds() {
		byObject[o] = ours
	}
	return cache.Options{ByObject: byObject, DefaultTransform: cache.TransformStripManagedFields()}
}

func run(metrics, namespace string) error {
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		return err
	}
	scheme.AddKnownTypeWithName(groupVersion.WithKind("LearningPlatform"), &Platform{})
	scheme.AddKnownTypeWithName(groupVersion.WithKind("LearningPlatformList"), &PlatformList{})
	metav1.AddToGroupVersion(scheme, groupVersion)

	release := true
	lease, renew, retry := 15*time.Second, 10*time.Second, 2*time.Second
	mgr, err := ctrl.NewManager(ctrl.GetConfigOrDie(), ctrl.Options{
		Scheme: scheme, Cache: cacheOptions(), Metrics: server.Options{BindAddress: metrics},
		LeaderElection: true, LeaderElectionID: "peer", LeaderElectionNamespace: namespace,
		LeaderElectionReleaseOnCancel: release, LeaseDuration: &lease, RenewDeadline: &renew, RetryPeriod: &retry,
	})
	if err != nil {
		return err
	}
	b := ctrl.NewControllerManagedBy(mgr).Named("learningplatform").
		For(newPlatform(), builder.WithPredicates(predicate.Or(
			predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}))).
		WithOptions(controller.Options{MaxConcurrentReconciles: 10})
	for _, o := range ownKinds() {
		b = b.Owns(o)
	}
	if err := b.Complete(&reconciler{mgr.GetClient(), scheme}); err != nil {
		return err
	}
	return mgr.Start(ctrl.SetupSignalHandler())
}

func newPlatform() *Platform {
	return &Platform{TypeMeta: metav1.TypeMeta{APIVersion: groupVersion.String(), Kind: "LearningPlatform"}}
}

func main() {
	metrics := flag.String("metrics", "0", "address of /metrics; 0 for none")
	namespace := flag.String("namespace", "learning-platform-system", "where the lease is")
	flag.Parse()
	ctrl.SetLogger(zap.New())
	if err := run(*metrics, *namespace); err != nil {
		ctrl.Log.Error(err, "cannot run")
		os.Exit(1)
	}
}
