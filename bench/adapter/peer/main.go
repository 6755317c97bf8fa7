// The peer of lp-operator's metrics adapter: sigs.k8s.io/custom-metrics-apiserver in its tuned form. Pods come from an
// informer that keeps only what is needed; every Ready pod is asked once a second by 64 workers over kept connections; the
// answers are put together beforehand, once for each sweep, so that a request is a look into memory.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/component-base/logs"
	"k8s.io/klog/v2"
	"k8s.io/metrics/pkg/apis/custom_metrics"

	basecmd "sigs.k8s.io/custom-metrics-apiserver/pkg/cmd"
	"sigs.k8s.io/custom-metrics-apiserver/pkg/provider"
	"sigs.k8s.io/custom-metrics-apiserver/pkg/provider/defaults"
)

const workers = 64

// pod is one that is scraped; value is in requests.
type pod struct {
	namespace, name, ip string
	labels              labels.Set
}

type peer struct {
	defaults.DefaultCustomMetricsProvider
	port   int
	metric string
	store  cache.Store
	http   *http.Client

	mu      sync.Mutex
	values  map[types.NamespacedName]sample
	answers sync.Map // selector -> *custom_metrics.MetricValueList, until the next sweep
	swept   atomic.Bool
}

type sample struct {
	value  int64
	at     metav1.Time
	labels labels.Set
}

func (p *peer) list(namespace string, selector labels.Selector, info provider.CustomMetricInfo) *custom_metrics.MetricValueList {
	key := namespace + "|" + info.Metric + "|" + selector.String()
	if known, ok := p.answers.Load(key); ok {
		return known.(*custom_metrics.MetricValueList)
	}
	list := &custom_metrics.MetricValueList{}
	p.mu.Lock()
	for name, s := range p.values {
		if name.Namespace == namespace && selector.Matches(s.labels) {
			list.Items = append(list.Items, item(name, info, s))
		}
	}
	p.mu.Unlock()
	p.answers.Store(key, list)
	return list
}

func item(name types.NamespacedName, info provider.CustomMetricInfo, s sample) custom_metrics.MetricValue {
	return custom_metrics.MetricValue{
		DescribedObject: custom_metrics.ObjectReference{Kind: "Pod", APIVersion: "v1", Namespace: name.Namespace, Name: name.Name},
		Metric:          custom_metrics.MetricIdentifier{Name: info.Metric},
		Timestamp:       s.at,
		Value:           *resource.NewQuantity(s.value, resource.DecimalSI),
	}
}

func (p *peer) GetMetricByName(_ context.Context, name types.NamespacedName, info provider.CustomMetricInfo, _ labels.Selector) (*custom_metrics.MetricValue, error) {
	p.mu.Lock()
	s, ok := p.values[name]
	p.mu.Unlock()
	if !ok {
		return nil, provider.NewMetricNotFoundForError(info.GroupResource, info.Metric, name.Name)
	}
	one := item(name, info, s)
	return &one, nil
}

func (p *peer) GetMetricBySelector(_ context.Context, namespace string, selector labels.Selector, info provider.CustomMetricInfo, _ labels.Selector) (*custom_metrics.MetricValueList, error) {
	if !p.swept.Load() {
		return nil, provider.NewMetricNotFoundError(info.GroupResource, info.Metric)
	}
	return p.list(namespace, selector, info), nil
}

func (p *peer) ListAllMetrics() []provider.CustomMetricInfo {
	return []provider.CustomMetricInfo{{GroupResource: schema.GroupResource{Resource: "pods"}, Namespaced: true, Metric: p.metric}}
}

// scrape adds up what one pod has waiting and in flight.
func (p *peer) scrape(ctx context.Context, target *pod) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://%s:%d/metrics", target.ip, p.port), nil)
	if err != nil {
		return 0, err
	}
	response, err := p.http.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	var sum int64
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		line := lines.Text()
		for _, name := range []string{"lp_requests_waiting ", "lp_requests_in_flight "} {
			if rest, ok := strings.CutPrefix(line, name); ok {
				n, err := strconv.ParseInt(rest, 10, 64)
				if err != nil {
					return 0, err
				}
				sum += n
			}
		}
	}
	_, err = io.Copy(io.Discard, response.Body)
	return sum, err
}

func (p *peer) sweep(ctx context.Context) {
	var wait sync.WaitGroup
	targets := make(chan *pod)
	values := make(map[types.NamespacedName]sample)
	var mu sync.Mutex
	for range workers {
		wait.Go(func() {
			for t := range targets {
				value, err := p.scrape(ctx, t)
				if err != nil {
					continue
				}
				mu.Lock()
				values[types.NamespacedName{Namespace: t.namespace, Name: t.name}] = sample{value, metav1.Now(), t.labels}
				mu.Unlock()
			}
		})
	}
	for _, o := range p.store.List() {
		targets <- o.(*pod)
	}
	close(targets)
	wait.Wait()
	p.mu.Lock()
	p.values = values
	p.mu.Unlock()
	p.answers.Clear()
	p.swept.Store(len(values) > 0)
}

func (p *peer) run(ctx context.Context) {
	for tick := time.NewTicker(time.Second); ; {
		p.sweep(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// shrink keeps of a pod what is scraped; others become pods without an address and are dropped.
func shrink(o any) (any, error) {
	p, ok := o.(*corev1.Pod)
	if !ok {
		return o, nil
	}
	return &pod{p.Namespace, p.Name, p.Status.PodIP, p.Labels}, nil
}

func podKey(o any) (string, error) {
	if d, ok := o.(cache.DeletedFinalStateUnknown); ok {
		return d.Key, nil
	}
	if p, ok := o.(*pod); ok {
		return p.namespace + "/" + p.name, nil
	}
	return cache.MetaNamespaceKeyFunc(o)
}

func (p *peer) watch(ctx context.Context, client kubernetes.Interface) error {
	listWatch := cache.NewFilteredListWatchFromClient(client.CoreV1().RESTClient(), "pods", "", func(o *metav1.ListOptions) {
		o.LabelSelector = "app.kubernetes.io/component=service,app.kubernetes.io/managed-by=lp-operator"
	})
	store := cache.NewStore(podKey, cache.WithTransformer(shrink))
	p.store = store
	reflector := cache.NewReflector(listWatch, &corev1.Pod{}, store, 0)
	go reflector.RunWithContext(ctx)
	for reflector.LastSyncResourceVersion() == "" {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Millisecond):
		}
	}
	return nil
}

func main() {
	logs.InitLogs()
	defer logs.FlushLogs()
	base := &basecmd.AdapterBase{Name: "peer"}
	port := base.Flags().Int("pod-port", 9090, "of the pods")
	metric := base.Flags().String("metric", "queue_depth", "what it is called here")
	logs.AddFlags(base.Flags())
	base.Flags().AddGoFlagSet(flag.CommandLine)
	if err := base.Flags().Parse(os.Args[1:]); err != nil {
		klog.Fatal(err)
	}
	config, err := base.ClientConfig()
	if err != nil {
		klog.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		klog.Fatal(err)
	}
	p := &peer{port: *port, metric: *metric, http: &http.Client{Transport: &http.Transport{MaxIdleConns: 4096, MaxIdleConnsPerHost: 1}}}
	ctx := context.Background()
	if err := p.watch(ctx, client); err != nil {
		klog.Fatal(err)
	}
	go p.run(ctx)
	base.WithCustomMetrics(p)
	if err := base.Run(ctx); err != nil {
		klog.Fatal(err)
	}
}
