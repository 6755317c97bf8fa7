package conformance

import (
	"errors"
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

// One of the two programs is killed; the kubelet and the endpoint controller, whose part is played here,
// take its endpoint away once it has ended. Until kube-apiserver knows, it may still choose the dead one:
// how often is logged. From then on at most one answer may fail, and the other program misses none.
func TestKillOfOneReplica(t *testing.T) {
	auth.load(5, 1, 0)
	path := below("v1beta2", "services/"+auth.name()+"/queue_depth")
	survivor := operators[0]
	kept := keptClient(survivor)
	direct := startAsking(func() error { return kept(path) })
	through := startAsking(func() error {
		_, err := clients.RESTClient().Get().AbsPath(path).DoRaw(ctx)
		return err
	})
	through.await(t, 40)
	before := through.failed.Load()
	o := operators[1]
	began := time.Now()
	o.end(syscall.SIGKILL)
	must(t, o.misled())
	window := time.Since(began)
	through.await(t, 4) // what was on its way
	during := through.failed.Load() - before
	through.await(t, 80)
	must(t, o.start())
	through.await(t, 40)
	through.end()
	direct.end()
	after := through.failed.Load() - before - during
	t.Logf("%d asked through the aggregator: %d failed in the %.0f ms until the endpoint was gone, %d before, %d after (%v); %d asked of the other program, %d failed",
		through.asked.Load(), during, float64(window.Microseconds())/1000, before, after, through.last.Load(), direct.asked.Load(), direct.failed.Load())
	if before > 0 || after > 1 || direct.failed.Load() > 0 {
		t.Errorf("answers failed (%v)", direct.last.Load())
	}
}
