package conformance

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// What the two pods do, what each metric is then, and what an HPA with this target makes of it.
var scaled = []struct {
	resource, metric             string
	waiting, inFlight, perSecond int64
	low, high                    int64 // thousandths of the served value (of each pod: pods/...)
	target                       string
	replicas                     int32
}{
	// 2 x (7 + 2), and the shared backlog of 2 once: 20 / 4
	{"services", "queue_depth", 7, 2, 0, 20000, 20000, "4", 5},
	// the mean of the pods: 9 / 3, times two pods
	{"pods", "queue_depth", 7, 2, 0, 9000, 9000, "3", 6},
	// 2 x 10 requests per second: 20 / 6, rounded up
	{"services", "arrival_rate", 0, 2, 10, 18500, 21500, "6", 4},
	// Little's law: 20/s x 0.2 s = 4 of 4 slots per pod at 70 %: 1.43, and what waits
	{"services", "demand", 0, 2, 20, 2500, 3300, "1", 3},
	// every answer takes between 0.1 and 0.25 s; as a Value target: 237 / 100 times two pods
	{"services", "p95_latency_ms", 0, 2, 10, 200000, 250000, "100", 5},
	{"services", "p50_latency_ms", 0, 2, 10, 155000, 195000, "100", 4},
	{"services", "p99_latency_ms", 0, 2, 10, 205000, 250000, "100", 5},
	// a quarter of 2 x 10 requests a second: 5 / 2, rounded up
	{"services", "error_rate", 0, 2, 10, 4100, 5900, "2", 3},
	// two pods that say of themselves what a gateway does of its upstreams, each of 2 workers: 4 / 1
	{"services", "circuits_open", 0, 2, 0, 4000, 4000, "1", 4},
}

func listed(t *testing.T) map[string]bool {
	var list metav1.APIResourceList
	must(t, json.Unmarshal([]byte(master("/apis/"+group+"/v1beta2").do(t).body), &list))
	names := map[string]bool{}
	for _, r := range list.APIResources {
		names[r.Name] = true
	}
	return names
}

func TestTheHPAOfTheRealControllerScalesOnEveryMetric(t *testing.T) {
	left := listed(t)
	for _, s := range scaled {
		name := s.resource + "/" + s.metric
		if !left[name] {
			continue
		}
		delete(left, name)
		t.Run(name, func(t *testing.T) {
			auth.load(s.waiting, s.inFlight, s.perSecond)
			path := below("v1beta2", s.resource+"/"+auth.name()+"/"+s.metric)
			if s.resource == "pods" {
				path = below("v1beta2", "pods/%2A/"+s.metric)
			}
			wait(t, "the value is what the pods make it", func() (bool, error) {
				values, why := valuesOf(t, path)
				if len(values) == 0 {
					return false, fmt.Errorf("%s", why)
				}
				for _, v := range values {
					if v < s.low || v > s.high {
						return false, fmt.Errorf("%d of %d to %d thousandths", v, s.low, s.high)
					}
				}
				return true, nil
			})
			scales(t, hpaFor(s.resource, s.metric, s.target), s.replicas)
		})
	}
	for name := range left {
		t.Errorf("%s is served, and no HPA is shown to scale on it here", name)
	}
}

func valuesOf(t *testing.T, path string) ([]int64, string) {
	got := master(path).do(t)
	var list struct {
		Items []struct{ Value resource.Quantity }
	}
	if json.Unmarshal([]byte(got.body), &list) != nil {
		return nil, got.body
	}
	var values []int64
	for _, i := range list.Items {
		values = append(values, i.Value.MilliValue())
	}
	return values, got.body
}

func hpaFor(kind, metric, target string) *autoscalingv2.HorizontalPodAutoscaler {
	q, one := resource.MustParse(target), int32(1)
	identifier := autoscalingv2.MetricIdentifier{Name: metric}
	spec := autoscalingv2.MetricSpec{Type: autoscalingv2.PodsMetricSourceType, Pods: &autoscalingv2.PodsMetricSource{
		Metric: identifier, Target: autoscalingv2.MetricTarget{Type: autoscalingv2.AverageValueMetricType, AverageValue: &q}}}
	if kind == "services" {
		wanted := autoscalingv2.MetricTarget{Type: autoscalingv2.AverageValueMetricType, AverageValue: &q}
		if strings.HasSuffix(metric, "_latency_ms") {
			wanted = autoscalingv2.MetricTarget{Type: autoscalingv2.ValueMetricType, Value: &q}
		}
		spec = autoscalingv2.MetricSpec{Type: autoscalingv2.ObjectMetricSourceType, Object: &autoscalingv2.ObjectMetricSource{
			DescribedObject: autoscalingv2.CrossVersionObjectReference{APIVersion: "v1", Kind: "Service", Name: auth.name()},
			Metric:          identifier, Target: wanted}}
	}
	return &autoscalingv2.HorizontalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{Name: strings.ReplaceAll(kind+"-"+metric, "_", "-"), Namespace: auth.namespace},
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{MinReplicas: &one, MaxReplicas: 10, Metrics: []autoscalingv2.MetricSpec{spec},
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: auth.name()}},
	}
}

// scales waits until the controller has scaled the Deployment, and takes the HPA and the pods away again.
func scales(t *testing.T, hpa *autoscalingv2.HorizontalPodAutoscaler, want int32) {
	in := clients.AutoscalingV2().HorizontalPodAutoscalers(auth.namespace)
	_, err := in.Create(ctx, hpa, metav1.CreateOptions{})
	must(t, err)
	err = until(fmt.Sprintf("scaled to %d", want), func() (bool, error) {
		h, err := in.Get(ctx, hpa.Name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		d, err := clients.AppsV1().Deployments(auth.namespace).Get(ctx, auth.name(), metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		active := false
		for _, c := range h.Status.Conditions {
			active = active || c.Type == autoscalingv2.ScalingActive && c.Status == "True"
		}
		return active && *d.Spec.Replicas == want, fmt.Errorf("replicas %d, %+v", *d.Spec.Replicas, h.Status)
	})
	must(t, in.Delete(ctx, hpa.Name, metav1.DeleteOptions{}))
	auth.backTo(t, len(auth.pods))
	if err != nil {
		t.Error(err)
	}
}
