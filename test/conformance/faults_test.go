package conformance

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// A pod whose container is a process: this program, run again. It can be frozen and killed as one.
type container struct {
	address string
	load    int // what it says of itself: all of it in flight
	command *exec.Cmd
}

const containerAddress, containerLoad = "LP_CONTAINER_ADDRESS", "LP_CONTAINER_LOAD"

// isContainer serves a metrics page, and nothing else, in the process of a container.
func isContainer() bool {
	address := os.Getenv(containerAddress)
	if address == "" {
		return false
	}
	page := fmt.Sprintf("lp_requests_waiting 0\nlp_requests_in_flight %s\nlp_request_slots 1\n", os.Getenv(containerLoad))
	fmt.Fprintln(os.Stderr, http.ListenAndServe(address, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(page))
	})))
	return true
}

func (c *container) start(t *testing.T, port int) {
	t.Helper()
	c.command = exec.Command(os.Args[0])
	c.command.Env = []string{fmt.Sprintf("%s=%s:%d", containerAddress, c.address, port), containerLoad + "=" + strconv.Itoa(c.load)}
	c.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	must(t, c.command.Start())
	wait(t, c.address+" answers", func() (bool, error) {
		r, err := http.Get(fmt.Sprintf("http://%s:%d/metrics", c.address, port))
		if err != nil {
			return false, err
		}
		return true, r.Body.Close()
	})
}

func (c *container) end() {
	if c.command != nil {
		_ = c.command.Process.Kill()
		_ = c.command.Wait()
		c.command = nil
	}
}

// faulty is a Deployment with an HPA of the real controller, on queue_depth at 4 per pod.
type faulty struct {
	service
	containers []*container
	seen       sync.Mutex
	least      int32 // that spec.replicas was since it was scaled
	stop       chan struct{}
}

func (f *faulty) install(t *testing.T) {
	t.Helper()
	_, err := clients.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: f.namespace}}, metav1.CreateOptions{})
	must(t, err)
	owners, err := platformOwner(f.namespace, f.platform)
	must(t, err)
	three, one, target := int32(3), int32(1), hpaFor("services", "queue_depth", "4").Spec.Metrics
	target[0].Object.DescribedObject.Name = f.name()
	_, err = clients.AppsV1().Deployments(f.namespace).Create(ctx, &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: f.name(), Labels: f.labels(), OwnerReferences: owners},
		Spec: appsv1.DeploymentSpec{Replicas: &three, Selector: &metav1.LabelSelector{MatchLabels: f.labels()},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: f.labels()},
				Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "none.invalid/none:1"}}}}},
	}, metav1.CreateOptions{})
	must(t, err)
	for _, c := range f.containers {
		c.start(t, f.port)
		f.giveTo(t, c, "")
	}
	_, err = clients.AutoscalingV2().HorizontalPodAutoscalers(f.namespace).Create(ctx, &autoscalingv2.HorizontalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{Name: f.name(), Namespace: f.namespace, Labels: map[string]string{"app.kubernetes.io/managed-by": "lp-operator"}},
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{MinReplicas: &one, MaxReplicas: 20, Metrics: target,
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: f.name()}},
	}, metav1.CreateOptions{})
	must(t, err)
}

// depth is the path of what the HPA goes by.
func (f *faulty) depth() string {
	return "/apis/" + group + "/v1beta2/namespaces/" + f.namespace + "/services/" + f.name() + "/queue_depth"
}

// giveTo makes a pod without an address Ready at this container's, as a kubelet would; image: only one of that image.
func (f *faulty) giveTo(t *testing.T, c *container, image string) {
	t.Helper()
	wait(t, "a pod for "+c.address, func() (bool, error) {
		list, err := clients.CoreV1().Pods(f.namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		for _, p := range list.Items {
			if p.Status.PodIP == "" && p.DeletionTimestamp == nil && (image == "" || p.Spec.Containers[0].Image == image) {
				return true, f.setReady(p.Name, c.address, true)
			}
		}
		return false, fmt.Errorf("%d pods", len(list.Items))
	})
}

func (f *faulty) podAt(t *testing.T, address string) string {
	t.Helper()
	list, err := clients.CoreV1().Pods(f.namespace).List(ctx, metav1.ListOptions{})
	must(t, err)
	for _, p := range list.Items {
		if p.Status.PodIP == address {
			return p.Name
		}
	}
	t.Fatalf("no pod at %s", address)
	return ""
}

// watch notes the least that the Deployment is told to have from now on.
func (f *faulty) watch(t *testing.T) {
	t.Helper()
	in, err := clients.AppsV1().Deployments(f.namespace).Watch(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + f.name()})
	must(t, err)
	go func() {
		defer in.Stop()
		for {
			select {
			case <-f.stop:
				return
			case e, open := <-in.ResultChan():
				if !open {
					return
				}
				if d, ok := e.Object.(*appsv1.Deployment); ok {
					f.seen.Lock()
					f.least = min(f.least, *d.Spec.Replicas)
					f.seen.Unlock()
				}
			}
		}
	}()
}

func (f *faulty) neverUnder(t *testing.T, replicas int32) {
	t.Helper()
	f.seen.Lock()
	defer f.seen.Unlock()
	if f.least < replicas {
		t.Errorf("the Deployment was told to have %d pods for a time, wanted never under %d", f.least, replicas)
	}
}

// saw waits until the HPA noted this average per replica, in a pass of its own.
func (f *faulty) saw(t *testing.T, what, average string) {
	t.Helper()
	began := time.Now()
	wait(t, what+": the HPA saw "+average, func() (bool, error) {
		h, err := clients.AutoscalingV2().HorizontalPodAutoscalers(f.namespace).Get(ctx, f.name(), metav1.GetOptions{})
		if err != nil || len(h.Status.CurrentMetrics) == 0 || h.Status.CurrentMetrics[0].Object == nil || h.Status.CurrentMetrics[0].Object.Current.AverageValue == nil {
			return false, err
		}
		got := h.Status.CurrentMetrics[0].Object.Current.AverageValue.String()
		return got == average, fmt.Errorf("it saw %s", got)
	})
	t.Logf("%s: the HPA saw %s per replica after %.1f s", what, average, time.Since(began).Seconds())
}

// stays asks for five seconds whether the service is said to have this to do.
func (f *faulty) stays(t *testing.T, value string) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if body, err := through(f.depth()); err != nil || !strings.Contains(body, value) {
			t.Fatalf("wanted %s: %s %v", value, body, err)
		}
	}
}

// timestamp is that of the oldest of what the answer is made of.
func (f *faulty) timestamp(t *testing.T) time.Time {
	t.Helper()
	var list struct {
		Items []struct{ Timestamp time.Time }
	}
	body, err := through(f.depth())
	must(t, err)
	must(t, json.Unmarshal([]byte(body), &list))
	if len(list.Items) != 1 {
		t.Fatalf("wanted one item: %s", body)
	}
	return list.Items[0].Timestamp
}

func (f *faulty) active(t *testing.T, what string, active bool, part string) {
	t.Helper()
	wait(t, what, func() (bool, error) {
		h, err := clients.AutoscalingV2().HorizontalPodAutoscalers(f.namespace).Get(ctx, f.name(), metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		for _, c := range h.Status.Conditions {
			if c.Type == autoscalingv2.ScalingActive {
				return (c.Status == "True") == active && strings.Contains(c.Message, part), fmt.Errorf("%+v", c)
			}
		}
		return false, nil
	})
}

func (f *faulty) told(t *testing.T, reason, part string) {
	t.Helper()
	wait(t, "an Event "+reason, func() (bool, error) {
		list, err := clients.EventsV1().Events(f.namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		for _, e := range list.Items {
			if e.Reason == reason && e.Regarding.Name == f.name() && strings.Contains(e.Note, part) {
				return true, nil
			}
		}
		return false, fmt.Errorf("%d Events", len(list.Items))
	})
}

// Six replicas are wanted for the 24 that three pods have to do. Whatever happens to a pod, the Deployment is never told to
// have fewer.
func TestALostPodNeverScalesIn(t *testing.T) {
	f := &faulty{service: service{namespace: "learning-faults", platform: "english", component: "faulty", port: auth.port},
		least: 6, stop: make(chan struct{})}
	for i, load := range []int{8, 8, 8} {
		f.containers = append(f.containers, &container{address: fmt.Sprintf("127.0.0.%d", 61+i), load: load})
	}
	defer func() {
		close(f.stop)
		for _, c := range f.containers {
			c.end()
		}
		must(t, clients.CoreV1().Namespaces().Delete(ctx, f.namespace, metav1.DeleteOptions{}))
	}()
	f.install(t)
	wait(t, "six replicas", func() (bool, error) {
		d, err := clients.AppsV1().Deployments(f.namespace).Get(ctx, f.name(), metav1.GetOptions{})
		return err == nil && *d.Spec.Replicas == 6, err
	})
	f.watch(t)
	f.saw(t, "all is well", "4")
	last := f.containers[2]

	t.Run("its metrics port is closed", func(t *testing.T) {
		last.end()
		silent := time.Now()
		f.stays(t, `"24"`) // as it said last, and when it said it
		if of := f.timestamp(t); of.After(silent) {
			t.Errorf("the answer is of %v, though a pod was silent since %v", of, silent)
		}
		wait(t, "the others' mean is taken for what it has", func() (bool, error) {
			of := f.timestamp(t)
			return of.After(silent), fmt.Errorf("the answer is of %v", of)
		})
		f.stays(t, `"24"`) // of two pods 8 each, so 8 for the third
		f.saw(t, "closed for long", "4")
		f.neverUnder(t, 6)
		last.start(t, f.port)
		f.saw(t, "open again", "4")
	})
	t.Run("its process is frozen", func(t *testing.T) {
		must(t, last.command.Process.Signal(syscall.SIGSTOP))
		f.saw(t, "frozen", "4") // as much as it had to do last: saturated, not idle
		f.stays(t, `"24"`)
		must(t, last.command.Process.Signal(syscall.SIGCONT))
		f.saw(t, "going on", "4")
		f.neverUnder(t, 6)
	})
	t.Run("an idle one is frozen", func(t *testing.T) {
		last.end()
		last.load = 0
		last.start(t, f.port)
		f.saw(t, "idle", "2667m")
		must(t, last.command.Process.Signal(syscall.SIGSTOP))
		f.saw(t, "frozen", "3334m") // 8 + 8, and the target of 4
		last.end()
		last.load = 8
		last.start(t, f.port)
		f.saw(t, "back", "4")
		f.neverUnder(t, 6)
	})
	t.Run("it is deleted", func(t *testing.T) {
		must(t, clients.CoreV1().Pods(f.namespace).Delete(ctx, f.podAt(t, last.address), metav1.DeleteOptions{}))
		f.saw(t, "deleted", "2667m")
		f.giveTo(t, last, "")
		f.saw(t, "its successor is Ready", "4")
		f.neverUnder(t, 6)
	})
	t.Run("most of them are lost", func(t *testing.T) { f.mostAreLost(t) })
	t.Run("the Deployment is rolled", func(t *testing.T) { f.roll(t) })
}

// Under half of the pods answer: the HPA is told why, keeps what it has, and Events tell of loss and recovery.
func (f *faulty) mostAreLost(t *testing.T) {
	f.containers[1].end()
	f.containers[2].end()
	f.active(t, "the HPA has no value, and says why", false, "1 of 3")
	f.told(t, "MetricsLost", "1 of 3")
	f.neverUnder(t, 6)
	f.containers[1].start(t, f.port)
	f.containers[2].start(t, f.port)
	f.active(t, "the HPA has a value again", true, "")
	f.told(t, "MetricsRecovered", "")
	f.saw(t, "all are back", "4")
	f.neverUnder(t, 6)
}

// Every pod is replaced, one after the other, by the Deployment controller; each new one has as much to do.
func (f *faulty) roll(t *testing.T) {
	const image = "none.invalid/none:2"
	_, err := clients.AppsV1().Deployments(f.namespace).Patch(ctx, f.name(), types.MergePatchType,
		[]byte(`{"spec":{"template":{"spec":{"containers":[{"name":"c","image":"`+image+`"}]}}}}`), metav1.PatchOptions{})
	must(t, err)
	for i := 0; i < 6; i++ {
		c := &container{address: fmt.Sprintf("127.0.0.%d", 71+i), load: 4}
		f.containers = append(f.containers, c)
		c.start(t, f.port)
		f.giveTo(t, c, image)
		f.neverUnder(t, 6)
	}
	wait(t, "the old pods are gone", func() (bool, error) {
		list, err := clients.CoreV1().Pods(f.namespace).List(ctx, metav1.ListOptions{})
		old := 0
		for _, p := range list.Items {
			if p.Spec.Containers[0].Image != image {
				old++
			}
		}
		return err == nil && old == 0, fmt.Errorf("%d old pods %v", old, err)
	})
	wait(t, "what the new pods have is served", func() (bool, error) {
		body, err := through(f.depth())
		return err == nil && strings.Contains(body, `"24"`), fmt.Errorf("%s %v", body, err)
	})
	f.neverUnder(t, 6)
}
