package main

import (
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	managedBy = "app.kubernetes.io/managed-by"
	manager   = "lp-peer"
)

// child is one object and what brings it to what we want. mutate writes every field that the API server would default
// as the API server would, so that CreateOrUpdate finds nothing to do the second time.
type child struct {
	object client.Object
	mutate func()
}

type builder18 struct {
	platform *Platform
	list     []child
}

// children makes the 18: for each of four services a Deployment, a Service and an autoscaler; one StatefulSet; and one
// of each other kind, two of ConfigMap.
func children(p *Platform) []child {
	b := &builder18{platform: p}
	for _, name := range []string{"gateway", "auth", "ai-feedback", "progress"} {
		b.deployment(name)
		b.service(name)
		b.autoscaler(name)
	}
	b.statefulSet("postgres")
	b.serviceAccount("gateway")
	b.configMap("gateway")
	b.configMap("auth")
	b.disruptionBudget("gateway")
	b.networkPolicy("gateway")
	return b.list
}

func (b *builder18) meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: b.platform.Name + "-" + name, Namespace: b.platform.Namespace}
}

func (b *builder18) selector(name string) map[string]string {
	return map[string]string{"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": b.platform.Name}
}

func (b *builder18) add(o client.Object, name string, mutate func()) {
	b.list = append(b.list, child{o, func() {
		all := o.GetLabels()
		if all == nil {
			all = map[string]string{}
		}
		for k, v := range b.selector(name) {
			all[k] = v
		}
		all[managedBy] = manager
		o.SetLabels(all)
		mutate()
	}})
}

func probe(path string, period, timeout, failures int32) *corev1.Probe {
	return &corev1.Probe{
		ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{
			Path: path, Port: intstr.FromString("metrics"), Scheme: corev1.URISchemeHTTP}},
		PeriodSeconds: period, TimeoutSeconds: timeout, FailureThreshold: failures, SuccessThreshold: 1,
	}
}

func (b *builder18) container(name string) corev1.Container {
	list := func(cpu, memory string) corev1.ResourceList {
		return corev1.ResourceList{
			corev1.ResourceCPU: resource.MustParse(cpu), corev1.ResourceMemory: resource.MustParse(memory)}
	}
	return corev1.Container{
		Name: name, Image: "registry.example/lp/lp-" + name + ":v1", ImagePullPolicy: corev1.PullIfNotPresent,
		EnvFrom: []corev1.EnvFromSource{{ConfigMapRef: &corev1.ConfigMapEnvSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: b.platform.Name + "-gateway"}}}},
		Env: []corev1.EnvVar{{Name: "LOG_LEVEL", Value: "info"}, {Name: "CONCURRENCY", Value: "32"}},
		Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080, Protocol: corev1.ProtocolTCP},
			{Name: "metrics", ContainerPort: 9090, Protocol: corev1.ProtocolTCP}},
		Resources:    corev1.ResourceRequirements{Requests: list("10m", "128Mi"), Limits: list("40m", "256Mi")},
		StartupProbe: probe("/livez", 2, 2, 90), ReadinessProbe: probe("/readyz", 3, 3, 2),
		LivenessProbe:          probe("/livez", 10, 5, 6),
		Lifecycle:              &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{Sleep: &corev1.SleepAction{Seconds: 5}}},
		TerminationMessagePath: "/dev/termination-log", TerminationMessagePolicy: corev1.TerminationMessageReadFile,
		SecurityContext: &corev1.SecurityContext{
			AllowPrivilegeEscalation: ptr.To(false), ReadOnlyRootFilesystem: ptr.To(true),
			Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}},
		VolumeMounts: []corev1.VolumeMount{{Name: "tmp", MountPath: "/tmp"}},
	}
}

func (b *builder18) podTemplate(name string) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: b.selector(name)},
		Spec: corev1.PodSpec{
			Containers:    []corev1.Container{b.container(name)},
			RestartPolicy: corev1.RestartPolicyAlways, DNSPolicy: corev1.DNSClusterFirst,
			SchedulerName:                 corev1.DefaultSchedulerName,
			TerminationGracePeriodSeconds: ptr.To(int64(60)), AutomountServiceAccountToken: ptr.To(false),
			EnableServiceLinks: ptr.To(false),
			SecurityContext: &corev1.PodSecurityContext{RunAsNonRoot: ptr.To(true), RunAsUser: ptr.To(int64(65532)),
				SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}},
			Volumes: []corev1.Volume{{Name: "tmp", VolumeSource: corev1.VolumeSource{
				EmptyDir: &corev1.EmptyDirVolumeSource{SizeLimit: ptr.To(resource.MustParse("64Mi"))}}}},
			TopologySpreadConstraints: []corev1.TopologySpreadConstraint{{
				MaxSkew: 1, TopologyKey: "kubernetes.io/hostname", WhenUnsatisfiable: corev1.ScheduleAnyway,
				LabelSelector: &metav1.LabelSelector{MatchLabels: b.selector(name)}}},
		},
	}
}

func (b *builder18) deployment(name string) {
	o := &appsv1.Deployment{ObjectMeta: b.meta(name)}
	b.add(o, name, func() {
		if o.Spec.Replicas == nil {
			o.Spec.Replicas = ptr.To(int32(1)) // from then on the autoscaler's
		}
		o.Spec.Selector = &metav1.LabelSelector{MatchLabels: b.selector(name)}
		o.Spec.RevisionHistoryLimit = ptr.To(int32(3))
		o.Spec.ProgressDeadlineSeconds = ptr.To(int32(600))
		o.Spec.Strategy = appsv1.DeploymentStrategy{Type: appsv1.RollingUpdateDeploymentStrategyType,
			RollingUpdate: &appsv1.RollingUpdateDeployment{
				MaxUnavailable: ptr.To(intstr.FromInt32(0)), MaxSurge: ptr.To(intstr.FromInt32(1))}}
		o.Spec.Template = b.podTemplate(name)
	})
}

func (b *builder18) statefulSet(name string) {
	o := &appsv1.StatefulSet{ObjectMeta: b.meta(name)}
	b.add(o, name, func() {
		o.Spec.Replicas = ptr.To(int32(1))
		o.Spec.ServiceName = b.platform.Name + "-" + name
		o.Spec.Selector = &metav1.LabelSelector{MatchLabels: b.selector(name)}
		o.Spec.RevisionHistoryLimit = ptr.To(int32(3))
		o.Spec.PodManagementPolicy = appsv1.OrderedReadyPodManagement
		o.Spec.UpdateStrategy = appsv1.StatefulSetUpdateStrategy{Type: appsv1.RollingUpdateStatefulSetStrategyType,
			RollingUpdate: &appsv1.RollingUpdateStatefulSetStrategy{Partition: ptr.To(int32(0))}}
		o.Spec.PersistentVolumeClaimRetentionPolicy = &appsv1.StatefulSetPersistentVolumeClaimRetentionPolicy{
			WhenDeleted: appsv1.RetainPersistentVolumeClaimRetentionPolicyType,
			WhenScaled:  appsv1.RetainPersistentVolumeClaimRetentionPolicyType}
		o.Spec.Template = b.podTemplate(name)
	})
}

func (b *builder18) service(name string) {
	o := &corev1.Service{ObjectMeta: b.meta(name)}
	b.add(o, name, func() {
		o.Spec.Type = corev1.ServiceTypeClusterIP
		o.Spec.Selector = b.selector(name)
		o.Spec.Ports = []corev1.ServicePort{{Name: "http", Port: 8080, TargetPort: intstr.FromString("http"),
			Protocol: corev1.ProtocolTCP}}
	})
}

func (b *builder18) autoscaler(name string) {
	o := &autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: b.meta(name)}
	metric := func(of corev1.ResourceName, percent int32) autoscalingv2.MetricSpec {
		return autoscalingv2.MetricSpec{Type: autoscalingv2.ResourceMetricSourceType,
			Resource: &autoscalingv2.ResourceMetricSource{Name: of, Target: autoscalingv2.MetricTarget{
				Type: autoscalingv2.UtilizationMetricType, AverageUtilization: ptr.To(percent)}}}
	}
	b.add(o, name, func() {
		o.Spec.ScaleTargetRef = autoscalingv2.CrossVersionObjectReference{
			APIVersion: "apps/v1", Kind: "Deployment", Name: o.Name}
		o.Spec.MinReplicas = ptr.To(int32(1))
		o.Spec.MaxReplicas = 10
		o.Spec.Metrics = []autoscalingv2.MetricSpec{
			metric(corev1.ResourceCPU, 70), metric(corev1.ResourceMemory, 75)}
	})
}

func (b *builder18) serviceAccount(name string) {
	o := &corev1.ServiceAccount{ObjectMeta: b.meta(name)}
	b.add(o, name, func() { o.AutomountServiceAccountToken = ptr.To(false) })
}

func (b *builder18) configMap(name string) {
	o := &corev1.ConfigMap{ObjectMeta: b.meta(name)}
	b.add(o, name, func() {
		o.Data = map[string]string{"SERVICE": name, "PLATFORM": b.platform.Name, "QUEUE_LIMIT": "256"}
	})
}

func (b *builder18) disruptionBudget(name string) {
	o := &policyv1.PodDisruptionBudget{ObjectMeta: b.meta(name)}
	b.add(o, name, func() {
		o.Spec.MaxUnavailable = ptr.To(intstr.FromInt32(1))
		o.Spec.Selector = &metav1.LabelSelector{MatchLabels: b.selector(name)}
	})
}

func (b *builder18) networkPolicy(name string) {
	o := &networkingv1.NetworkPolicy{ObjectMeta: b.meta(name)}
	b.add(o, name, func() {
		o.Spec.PodSelector = metav1.LabelSelector{MatchLabels: b.selector(name)}
		o.Spec.PolicyTypes = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}
		o.Spec.Ingress = []networkingv1.NetworkPolicyIngressRule{{
			Ports: []networkingv1.NetworkPolicyPort{{Port: ptr.To(intstr.FromString("http")),
				Protocol: ptr.To(corev1.ProtocolTCP)}}}}
	})
}
