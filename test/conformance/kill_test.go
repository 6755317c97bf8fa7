package conformance

import (
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// 300 HPAs ask 20 times a second. One of the two programs is killed; the kubelet and the endpoint
// controller, whose part is played here, take its endpoint away as soon as it has ended.
func TestKillOfOneReplicaCostsOneAnswerAtMost(t *testing.T) {
	auth.load(5, 1, 0)
	path := below("v1beta2", "services/"+auth.name()+"/queue_depth")
	var asked, failed atomic.Int64
	var last atomic.Value
	stop := make(chan struct{})
	var group sync.WaitGroup
	for i := 0; i < 4; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for tick := time.NewTicker(200 * time.Millisecond); ; {
				select {
				case <-stop:
					return
				case <-tick.C:
				}
				asked.Add(1)
				if _, err := clients.RESTClient().Get().AbsPath(path).DoRaw(ctx); err != nil {
					failed.Add(1)
					last.Store(err.Error())
				}
			}
		}()
	}
	o := operators[1]
	wait(t, "40 answers", func() (bool, error) { return asked.Load() >= 40, nil })
	o.end(syscall.SIGKILL)
	must(t, o.misled())
	n := asked.Load()
	wait(t, "80 more answers", func() (bool, error) { return asked.Load() >= n+80, nil })
	must(t, o.start())
	n = asked.Load()
	wait(t, "40 more with both", func() (bool, error) { return asked.Load() >= n+40, nil })
	close(stop)
	group.Wait()
	t.Logf("%d asked through the aggregator, %d failed (%v)", asked.Load(), failed.Load(), last.Load())
	if failed.Load() > 1 {
		t.Errorf("%d answers failed", failed.Load())
	}
}
