package conformance

import (
	"crypto/x509"
	"testing"
)

// In this run a CA lasts for 60 s and a certificate for 45 s.
const caSeconds, certificateSeconds = "60", "45"

// What o shows now: its certificate's serial number and the CA that signed it.
func shown(t *testing.T, o *operator) (serial, ca string) {
	t.Helper()
	saved := operators[0]
	operators[0] = o
	defer func() { operators[0] = saved }()
	c := dial(t, nil) // against the bundle that kube-apiserver has
	defer c.Close()
	leaf := c.ConnectionState().PeerCertificates[0]
	if err := leaf.VerifyHostname(serverName); err != nil {
		t.Error(err)
	}
	if len(leaf.ExtKeyUsage) != 1 || leaf.ExtKeyUsage[0] != x509.ExtKeyUsageServerAuth || leaf.IsCA {
		t.Errorf("%v CA %v", leaf.ExtKeyUsage, leaf.IsCA)
	}
	return leaf.SerialNumber.String(), leaf.Issuer.CommonName
}

// Both programs change their certificate and then their CA without a restart, while kube-apiserver asks.
func TestCertificatesChangeUnderLoadWithoutAFailedAnswer(t *testing.T) {
	auth.load(5, 1, 0)
	path := below("v1beta2", "services/"+auth.name()+"/queue_depth")
	_, ca := shown(t, operators[0])
	pids := [2]int{operators[0].command.Process.Pid, operators[1].command.Process.Pid}
	through := startAsking(func() error {
		_, err := clients.RESTClient().Get().AbsPath(path).DoRaw(ctx)
		return err
	})
	for i, o := range operators {
		wait(t, o.name+" has a certificate of another CA", func() (bool, error) {
			_, now := shown(t, operators[i])
			return now != ca, nil
		})
	}
	first, _ := shown(t, operators[0])
	wait(t, "the next certificate, of the same Secret in both", func() (bool, error) {
		a, _ := shown(t, operators[0])
		b, _ := shown(t, operators[1])
		return a != first && a == b, nil
	})
	through.end()
	t.Logf("%d asked through the aggregator meanwhile, %d failed (%v)", through.asked.Load(), through.failed.Load(), through.last.Load())
	if through.failed.Load() > 0 {
		t.Error("answers failed")
	}
	for i, o := range operators {
		if o.command.Process.Pid != pids[i] {
			t.Errorf("%s was restarted", o.name)
		}
	}
}
