// Runs the HPA controller of kube-controller-manager over random HPAs, pods and loads, under a clock that stands still between
// two syncs, and writes what it saw and decided as one JSON document a line. It is compiled as part of the controller's own
// package (see ./generate), so that reconcileAutoscaler is called as it is.
package podautoscaler

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	v1 "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	autoscalingclient "k8s.io/client-go/kubernetes/typed/autoscaling/v2"
	corelisters "k8s.io/client-go/listers/core/v1"
	scaleclient "k8s.io/client-go/scale"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
	"k8s.io/klog/v2"
	autoscalingdefaults "k8s.io/kubernetes/pkg/apis/autoscaling/v2"
	"k8s.io/kubernetes/pkg/controller/podautoscaler/metrics"
	"k8s.io/kubernetes/pkg/controller/podautoscaler/monitor"
	"k8s.io/kubernetes/pkg/controller/util/selectors"
)

const key = "learning/english"

// Pods that are alike, in the order in which they are written: count, phase (0 pending, 1 running, 2 failed), deleting, ready,
// started and last change of readiness (ms), use of CPU and memory (milli, -1: no sample), time and window of the sample (ms),
// requested CPU and memory (milli).
type group [12]int64

// One sync: what is there, and what the controller makes of it.
type step struct {
	At     int64   `json:"at"`     // ms
	Spec   int32   `json:"spec"`   // replicas of the scale's spec
	Status int32   `json:"status"` // of its status
	Queue  int64   `json:"queue"`  // milli, of the Service; -1: the metrics API fails
	Usage  bool    `json:"usage"`  // the API of CPU and memory answers
	Pods   []group `json:"pods"`
	Want   want    `json:"want"`
}

type want struct {
	Replicas   int32     `json:"replicas"`
	Winner     string    `json:"winner"` // of the metrics; "": none was asked or none counts
	Conditions [3]string `json:"conditions"`
	Values     []int64   `json:"values"` // of each metric: percent, or milli a pod; -1: it failed
}

type scenario struct {
	Spec  autoscalingv2.HorizontalPodAutoscalerSpec `json:"spec"`
	Syncs []step                                    `json:"syncs"`
}

// What the controller asks: the metrics APIs, /scale, the status of the HPA.
type world struct {
	now    *step
	base   time.Time
	pods   []*v1.Pod
	scale  int32
	status *autoscalingv2.HorizontalPodAutoscalerStatus
}

func (w *world) at(ms int64) time.Time { return w.base.Add(time.Duration(ms) * time.Millisecond) }

func (w *world) GetResourceMetric(_ context.Context, name v1.ResourceName, _ string, _ labels.Selector, _ string) (metrics.PodMetricsInfo, time.Time, error) {
	if !w.now.Usage {
		return nil, time.Time{}, errors.New("no answer")
	}
	found, pod := metrics.PodMetricsInfo{}, 0
	for _, g := range w.now.Pods {
		value := g[6]
		if name == v1.ResourceMemory {
			value = g[7]
		}
		for range g[0] {
			if value >= 0 {
				found[w.pods[pod].Name] = metrics.PodMetric{Timestamp: w.at(g[8]), Window: time.Duration(g[9]) * time.Millisecond, Value: value}
			}
			pod++
		}
	}
	return found, time.Now(), nil
}

func (w *world) GetRawMetric(string, string, labels.Selector, labels.Selector) (metrics.PodMetricsInfo, time.Time, error) {
	return nil, time.Time{}, errors.New("none")
}

func (w *world) GetObjectMetric(string, string, *autoscalingv2.CrossVersionObjectReference, labels.Selector) (int64, time.Time, error) {
	if w.now.Queue < 0 {
		return 0, time.Time{}, errors.New("no answer")
	}
	return w.now.Queue, time.Now(), nil
}

func (w *world) GetExternalMetric(string, string, labels.Selector) ([]int64, time.Time, error) {
	return nil, time.Time{}, errors.New("none")
}

type scales struct {
	scaleclient.ScaleInterface
	w *world
}

func (w *world) Scales(string) scaleclient.ScaleInterface { return scales{w: w} }

func (s scales) Get(context.Context, schema.GroupResource, string, metav1.GetOptions) (*autoscalingv1.Scale, error) {
	scale := &autoscalingv1.Scale{}
	scale.Spec.Replicas, scale.Status.Replicas, scale.Status.Selector = s.w.now.Spec, s.w.now.Status, "app=english"
	return scale, nil
}

func (s scales) Update(_ context.Context, _ schema.GroupResource, scale *autoscalingv1.Scale, _ metav1.UpdateOptions) (*autoscalingv1.Scale, error) {
	s.w.scale = scale.Spec.Replicas
	return scale, nil
}

type hpas struct {
	autoscalingclient.HorizontalPodAutoscalerInterface
	w *world
}

func (w *world) HorizontalPodAutoscalers(string) autoscalingclient.HorizontalPodAutoscalerInterface {
	return hpas{w: w}
}

func (h hpas) UpdateStatus(_ context.Context, hpa *autoscalingv2.HorizontalPodAutoscaler, _ metav1.UpdateOptions) (*autoscalingv2.HorizontalPodAutoscaler, error) {
	h.w.status = hpa.Status.DeepCopy()
	return hpa, nil
}

func (w *world) makePods() cache.Indexer {
	phases := []v1.PodPhase{v1.PodPending, v1.PodRunning, v1.PodFailed}
	index := cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})
	w.pods = nil
	for _, g := range w.now.Pods {
		for range g[0] {
			p := &v1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p" + strconv.Itoa(len(w.pods)), Namespace: "learning", Labels: map[string]string{"app": "english"}}}
			start, ready := metav1.NewTime(w.at(g[4])), v1.ConditionFalse
			if g[2] != 0 {
				p.DeletionTimestamp = &start
			}
			if g[3] != 0 {
				ready = v1.ConditionTrue
			}
			p.Status = v1.PodStatus{Phase: phases[g[1]], StartTime: &start,
				Conditions: []v1.PodCondition{{Type: v1.PodReady, Status: ready, LastTransitionTime: metav1.NewTime(w.at(g[5]))}}}
			p.Spec.Containers = []v1.Container{{Resources: v1.ResourceRequirements{Requests: v1.ResourceList{
				v1.ResourceCPU:    *resource.NewMilliQuantity(g[10], resource.DecimalSI),
				v1.ResourceMemory: *resource.NewMilliQuantity(g[11], resource.BinarySI)}}}}
			w.pods = append(w.pods, p)
			_ = index.Add(p)
		}
	}
	return index
}

func newController(w *world) *HorizontalController {
	mapper := apimeta.NewDefaultRESTMapper([]schema.GroupVersion{{Group: "apps", Version: "v1"}})
	mapper.Add(schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}, apimeta.RESTScopeNamespace)
	return &HorizontalController{
		scaleNamespacer: w, hpaNamespacer: w, mapper: mapper, tolerance: 0.1, eventRecorder: &record.FakeRecorder{},
		downscaleStabilisationWindow: 5 * time.Minute, monitor: monitor.New(),
		recommendations: map[string][]timestampedRecommendation{}, scaleUpEvents: map[string][]timestampedScaleEvent{},
		scaleDownEvents: map[string][]timestampedScaleEvent{}, hpaSelectors: selectors.NewBiMultimap(),
	}
}

func condition(s *autoscalingv2.HorizontalPodAutoscalerStatus, t autoscalingv2.HorizontalPodAutoscalerConditionType) *autoscalingv2.HorizontalPodAutoscalerCondition {
	for i := range s.Conditions {
		if s.Conditions[i].Type == t {
			return &s.Conditions[i]
		}
	}
	return &autoscalingv2.HorizontalPodAutoscalerCondition{}
}

func decided(w *world, replicas int32) want {
	names := []autoscalingv2.HorizontalPodAutoscalerConditionType{autoscalingv2.AbleToScale, autoscalingv2.ScalingActive, autoscalingv2.ScalingLimited}
	d := want{Replicas: replicas, Values: []int64{}}
	for i, name := range names {
		c := condition(w.status, name)
		d.Conditions[i] = strings.TrimSpace(string(c.Status) + " " + c.Reason)
	}
	active := condition(w.status, autoscalingv2.ScalingActive)
	// Without metrics in the status none was asked in this sync, and the condition is an older one.
	if active.Reason == "ValidMetricFound" && len(w.status.CurrentMetrics) > 0 {
		for _, name := range []string{"cpu", "memory", "queue_depth"} {
			if strings.Contains(active.Message, name) {
				d.Winner = name
			}
		}
	}
	for _, m := range w.status.CurrentMetrics {
		switch {
		case m.Resource != nil:
			d.Values = append(d.Values, int64(*m.Resource.Current.AverageUtilization))
		case m.Object != nil:
			d.Values = append(d.Values, m.Object.Current.AverageValue.MilliValue())
		default:
			d.Values = append(d.Values, -1)
		}
	}
	return d
}

func run(s *scenario) {
	w := &world{base: time.Now()}
	a := newController(w)
	hpa := &autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: metav1.ObjectMeta{Name: "english", Namespace: "learning"}, Spec: *s.Spec.DeepCopy()}
	autoscalingdefaults.SetDefaults_HorizontalPodAutoscaler(hpa)
	a.hpaSelectors.PutSelector(selectors.Parse(key), labels.Nothing())
	w.status = &hpa.Status
	for i := range s.Syncs {
		w.now = &s.Syncs[i]
		time.Sleep(w.at(w.now.At).Sub(time.Now()))
		pods := corelisters.NewPodLister(w.makePods())
		a.podLister = pods
		a.replicaCalc = NewReplicaCalculator(w, pods, 5*time.Minute, 30*time.Second)
		w.scale = w.now.Spec
		hpa.Status = *w.status.DeepCopy()
		_ = a.reconcileAutoscaler(context.Background(), hpa, key)
		w.now.Want = decided(w, w.scale)
		next(s, i, w.scale)
	}
}

// What the replicas are at the next sync: mostly what was decided, sometimes what somebody else wants.
func next(s *scenario, i int, replicas int32) {
	if i+1 == len(s.Syncs) {
		return
	}
	n := &s.Syncs[i+1]
	if n.Spec < 0 {
		n.Spec = max(replicas, int32(n.At%2)) // what is scaled to nothing stays so: not for long
	}
	n.Status = n.Spec
	if n.Status > 1 && n.At%7 == 3 { // the Deployment lags behind
		n.Status--
	}
	if n.Queue < -1 { // to an edge of the tolerance
		n.Queue = -n.Queue * int64(n.Status) / 100
	}
	n.Pods = split(rand.New(rand.NewSource(n.At+int64(n.Spec))), n)
}

var load float64 // of the scenario: how much its pods are asked for, 1 is their target

func split(r *rand.Rand, s *step) []group {
	left, groups := int64(s.Status), []group{}
	switch r.Intn(10) {
	case 0: // more pods than there should be, as in a rollout
		left += 1 + r.Int63n(left+1)
	case 1: // fewer
		left = (left + 1) / 2
	}
	load *= 0.6 + r.Float64()*0.9
	if load < 0.02 || load > 8 {
		load = 1
	}
	for left > 0 && len(groups) < 4 {
		n := left
		if len(groups) < 3 && r.Intn(3) == 0 {
			n = 1 + r.Int63n(left)
		}
		left -= n
		g := group{n, 1, 0, 1, s.At - 1000000 - r.Int63n(1000)*1000, 0, -1, -1, 0, 15000, 500, 268435456000}
		g[5], g[8] = g[4]+10000, s.At-r.Int63n(20000)
		g[6], g[7] = int64(load*350*(0.9+r.Float64()/5)), int64(load*200e9*(0.9+r.Float64()/5))
		oddities(r, s, &g)
		groups = append(groups, g)
	}
	if r.Intn(5) == 0 {
		groups = append(groups, group{1 + r.Int63n(3), 1, 1, 0, 0, 0, 100, 100e9, s.At, 15000, 500, 268435456000})
	}
	return groups
}

// Pods that start, that fail, that nobody has measured, that ask for something else.
func oddities(r *rand.Rand, s *step, g *group) {
	switch r.Intn(11) {
	case 0:
		g[1], g[3], g[4], g[5], g[6], g[7] = 0, 0, s.At-5000, s.At-5000, -1, -1
	case 1:
		g[6], g[7] = -1, -1
	case 2: // young: whether its sample counts hangs on when it became ready
		g[4] = s.At - r.Int63n(400)*1000
		g[5] = g[4] + r.Int63n(60)*1000
		g[3] = int64(r.Intn(2))
		if r.Intn(2) == 0 { // to the millisecond
			g[4] = s.At - 300000*int64(r.Intn(2))
			g[3], g[5], g[8] = 1, s.At-20000, s.At-5000-r.Int63n(2)
		}
	case 3: // old, and not ready: whether it ever was
		g[3], g[5] = 0, g[4]+r.Int63n(60)*1000
	case 4:
		g[1], g[3] = 2, 0
	case 5:
		g[10], g[11] = 250+r.Int63n(1000), 134217728000
	case 6:
		g[7] = -1
	case 7: // exactly at an edge of the tolerance
		g[6] = []int64{315, 350, 385, 384, 386, 314}[r.Intn(6)]
	}
}

func rules(r *rand.Rand) *autoscalingv2.HPAScalingRules {
	s, selects := &autoscalingv2.HPAScalingRules{}, []autoscalingv2.ScalingPolicySelect{"Max", "Min", "Disabled"}
	if r.Intn(4) == 0 {
		return nil
	}
	if r.Intn(3) > 0 {
		window := []int32{0, 0, 0, 0, 15, 30, 61, 300, 3600}[r.Intn(9)]
		s.StabilizationWindowSeconds = &window
	}
	if r.Intn(2) == 0 {
		choice := selects[[]int{0, 0, 0, 1, 1, 1, 2}[r.Intn(7)]]
		s.SelectPolicy = &choice
	}
	for n := r.Intn(4); n > 0; n-- {
		p := autoscalingv2.HPAScalingPolicy{Type: "Pods", Value: 1 + r.Int31n(8), PeriodSeconds: []int32{1, 15, 30, 60, 61, 180, 1800}[r.Intn(7)]}
		if r.Intn(2) == 0 {
			p.Type, p.Value = "Percent", []int32{1, 5, 10, 33, 50, 100, 300, 900}[r.Intn(8)]
		}
		s.Policies = append(s.Policies, p)
	}
	return s
}

func metricSpecs(r *rand.Rand) []autoscalingv2.MetricSpec {
	list, cpu, memory := []autoscalingv2.MetricSpec{}, int32(70), []int32{75, 80, 120}[r.Intn(3)]
	usage := func(name v1.ResourceName, percent *int32) autoscalingv2.MetricSpec {
		return autoscalingv2.MetricSpec{Type: "Resource", Resource: &autoscalingv2.ResourceMetricSource{Name: name,
			Target: autoscalingv2.MetricTarget{Type: "Utilization", AverageUtilization: percent}}}
	}
	which := 1 + r.Intn(7)
	if which&1 != 0 {
		list = append(list, usage("cpu", &cpu))
	}
	if which&2 != 0 {
		list = append(list, usage("memory", &memory))
	}
	if which&4 != 0 {
		list = append(list, queueOnly([]string{"4", "1", "2500m", "16", "333m"}[r.Intn(5)])...)
	}
	return list
}

// A queue that goes up and down under policies of one period up and another down: what was added and removed is forgotten at
// different times.
func seesaw(r *rand.Rand, s *scenario) {
	window := int32(0)
	rule := func(periods []int32) *autoscalingv2.HPAScalingRules {
		p := autoscalingv2.HPAScalingPolicy{Type: "Pods", Value: 1 + r.Int31n(6), PeriodSeconds: periods[r.Intn(len(periods))]}
		if r.Intn(3) == 0 {
			p.Type, p.Value = "Percent", []int32{10, 33, 50}[r.Intn(3)]
		}
		return &autoscalingv2.HPAScalingRules{StabilizationWindowSeconds: &window, Policies: []autoscalingv2.HPAScalingPolicy{p}}
	}
	s.Spec.Metrics, s.Spec.MaxReplicas = queueOnly("4"), *s.Spec.MinReplicas+40
	s.Spec.Behavior = &autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleUp: rule([]int32{15, 30, 60}), ScaleDown: rule([]int32{15, 60, 180, 1800})}
	for i := range s.Syncs {
		s.Syncs[i].At, s.Syncs[i].Queue = int64(i)*15000, 4000*int64(1+40*(i/(3+i%2)%2))
	}
}

func queueOnly(text string) []autoscalingv2.MetricSpec {
	target := resource.MustParse(text)
	return []autoscalingv2.MetricSpec{{Type: "Object", Object: &autoscalingv2.ObjectMetricSource{
		DescribedObject: autoscalingv2.CrossVersionObjectReference{APIVersion: "v1", Kind: "Service", Name: "english"},
		Metric:          autoscalingv2.MetricIdentifier{Name: "queue_depth"},
		Target:          autoscalingv2.MetricTarget{Type: "AverageValue", AverageValue: &target}}}}
}

func makeScenario(r *rand.Rand, syncs int) *scenario {
	s, at, low := &scenario{}, int64(0), 1+r.Int31n(3)
	s.Spec.ScaleTargetRef = autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "english"}
	s.Spec.MinReplicas, s.Spec.MaxReplicas, s.Spec.Metrics = &low, low+[]int32{0, 3, 9, 30, 200}[r.Intn(5)], metricSpecs(r)
	if r.Intn(4) > 0 {
		s.Spec.Behavior = &autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleUp: rules(r), ScaleDown: rules(r)}
	}
	target := int64(4000)
	if m := s.Spec.Metrics[len(s.Spec.Metrics)-1]; m.Object != nil {
		target = m.Object.Target.AverageValue.MilliValue()
	}
	load = 1
	queue := float64(target) * float64(low)
	for range syncs {
		queue *= 0.3 + r.Float64()*2
		if queue < 50 || queue > float64(target)*400 {
			queue = float64(target) * float64(1+r.Intn(10))
		}
		one := step{At: at, Spec: -1, Queue: int64(queue), Usage: r.Intn(25) != 0}
		switch r.Intn(16) {
		case 0:
			one.Queue = -1
		case 1:
			one.Queue = 0
		case 2:
			one.Queue = -target * []int64{90, 100, 110, 111, 89}[r.Intn(5)]
		}
		if r.Intn(40) == 0 {
			one.Spec = r.Int31n(s.Spec.MaxReplicas + 3)
		}
		s.Syncs = append(s.Syncs, one)
		at += []int64{15000, 15000, 15000, 15000, 15000, 15000, 15000, 15000, 1000, 14999, 15001, 60000, 300000, 2000000}[r.Intn(14)]
	}
	if r.Intn(4) == 0 {
		seesaw(r, s)
	}
	s.Syncs[0].Spec, s.Syncs[0].Status, s.Syncs[0].Queue = low, low, target
	s.Syncs[0].Pods = split(r, &s.Syncs[0])
	return s
}

func number(name string) int64 {
	n, err := strconv.ParseInt(os.Getenv(name), 10, 64)
	if err != nil {
		panic(fmt.Sprintf("%s: must be a number, is %q", name, os.Getenv(name)))
	}
	return n
}

func TestWriteVectors(t *testing.T) {
	klog.SetLogger(klog.Logger{})
	out, err := os.Create(os.Getenv("LP_HPA_FILE"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	r := rand.New(rand.NewSource(number("LP_HPA_SEED")))
	for range number("LP_HPA_SCENARIOS") {
		s := makeScenario(r, int(number("LP_HPA_SYNCS")))
		synctest.Test(t, func(*testing.T) { run(s) })
		line, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := out.Write(append(line, '\n')); err != nil {
			t.Fatal(err)
		}
	}
}
