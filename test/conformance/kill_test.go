package conformance

import (
	"errors"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// asker is four clients that ask 20 times a second in all, as 300 HPAs do, until stopped.
type asker struct {
	asked, failed atomic.Int64
	last          atomic.Value
	stop          chan struct{}
	group         sync.WaitGroup
}

func startAsking(get func() error) *asker {
	a := &asker{stop: make(chan struct{})}
	for i := 0; i < 4; i++ {
		a.group.Add(1)
		go func() {
			defer a.group.Done()
			for tick := time.NewTicker(200 * time.Millisecond); ; {
				select {
				case <-a.stop:
					return
				case <-tick.C:
				}
				if err := get(); err != nil {
					a.failed.Add(1)
					a.last.Store(err.Error())
					var status *apierrors.StatusError
					if errors.As(err, &status) && status.ErrStatus.Details != nil {
						for _, c := range status.ErrStatus.Details.Causes {
							a.last.Store(c.Message)
						}
					}
				}
				a.asked.Add(1)
			}
		}()
	}
	return a
}

func (a *asker) await(t *testing.T, n int64) {
	t.Helper()
	n += a.asked.Load()
	wait(t, "more answers", func() (bool, error) { return a.asked.Load() >= n, nil })
}

func (a *asker) end() {
	close(a.stop)
	a.group.Wait()
}

// What kube-apiserver's clients saw of the end of one program.
type ending struct {
	before, during, after int64 // failed answers: before it ended, until its endpoint was gone, from then on
	window                time.Duration
	asked                 int64
	last                  any
}

// One of the two programs ends while it is asked through the aggregator; the kubelet and the endpoint controller,
// whose part is played here, take its endpoint away `late` after that. It is started again.
func endOne(t *testing.T, path string, signal syscall.Signal, late time.Duration) ending {
	t.Helper()
	through := startAsking(func() error {
		_, err := clients.RESTClient().Get().AbsPath(path).DoRaw(ctx)
		return err
	})
	through.await(t, 40)
	e := ending{before: through.failed.Load()}
	o := operators[1]
	began := time.Now()
	if signal == syscall.SIGTERM { // its endpoint goes first: the pod is terminating, and sleeps in preStop
		must(t, o.misled())
		time.Sleep(late)
		o.end(signal)
	} else {
		o.end(signal)
		time.Sleep(late)
		must(t, o.misled())
	}
	e.window = time.Since(began)
	through.await(t, 4) // what was on its way
	e.during = through.failed.Load() - e.before
	through.await(t, 80)
	must(t, o.start())
	through.await(t, 40)
	through.end()
	e.after = through.failed.Load() - e.before - e.during
	e.asked, e.last = through.asked.Load(), through.last.Load()
	t.Logf("%v: %d asked through the aggregator: %d failed in the %.0f ms until the endpoint was gone, %d before, %d after (%v)",
		signal, e.asked, e.during, float64(e.window.Microseconds())/1000, e.before, e.after, e.last)
	return e
}

func number(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return otherwise
}

// Killed: this kube-apiserver chooses an endpoint for each request (--enable-aggregator-routing), so that half of them fail
// until it knows, and nothing of ours answers there. From then on at most one answer may fail, and the other program misses none.
// LP_KILL_RUNS and LP_KILL_LATE_MS measure: so many times, the endpoint gone so much later.
func TestKillOfOneReplica(t *testing.T) {
	auth.load(5, 1, 0)
	path := below("v1beta2", "services/"+auth.name()+"/queue_depth")
	awaitEach(t, path, `"14"`)
	kept := keptClient(operators[0])
	direct := startAsking(func() error { return kept(path) })
	for n := number("LP_KILL_RUNS", 1); n > 0; n-- {
		if e := endOne(t, path, syscall.SIGKILL, time.Duration(number("LP_KILL_LATE_MS", 0))*time.Millisecond); e.before > 0 || e.after > 1 {
			t.Errorf("answers failed (%v)", e.last)
		}
	}
	direct.end()
	if direct.failed.Load() > 0 {
		t.Errorf("%d of %d answers of the other program failed (%v)", direct.failed.Load(), direct.asked.Load(), direct.last.Load())
	}
}

// Told to end, as at every upgrade: no answer fails.
func TestEndOfOneReplicaInOrder(t *testing.T) {
	auth.load(5, 1, 0)
	path := below("v1beta2", "services/"+auth.name()+"/queue_depth")
	awaitEach(t, path, `"14"`)
	e := endOne(t, path, syscall.SIGTERM, 500*time.Millisecond)
	if e.before+e.during+e.after > 0 {
		t.Errorf("answers failed (%v)", e.last)
	}
}
