package conformance

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
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
	awaitEach(t, path, `"14"`)
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

// overwrite replaces a file of the control plane as a kubelet does: at once.
func overwrite(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(dir, "pki", name)
	must(t, os.WriteFile(path+".new", []byte(text), 0o600))
	must(t, os.Rename(path+".new", path))
}

func keyOf(t *testing.T, c tls.Certificate) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	must(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func requestHeaderCA() (string, error) {
	m, err := clients.CoreV1().ConfigMaps("kube-system").Get(ctx, "extension-apiserver-authentication", metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	return m.Data["requestheader-client-ca-file"], nil
}

// kube-apiserver itself changes its front-proxy CA and its client certificate, while it asks for others and connections are
// kept: the new CA beside the old one, the certificate by it, then the old CA goes.
func TestTheFrontProxyOfKubeAPIServerIsRotatedUnderLoad(t *testing.T) {
	auth.load(5, 1, 0)
	path := below("v1beta2", "services/"+auth.name()+"/queue_depth")
	awaitEach(t, path, `"14"`)
	oldCA, err := os.ReadFile(filepath.Join(dir, "pki", "front-proxy-ca.crt"))
	must(t, err)
	ca := issue(t, nil, "rotated-front-proxy-ca")
	next := issue(t, &ca, "front-proxy-client")
	kept := dial(t, &pki.proxy)
	defer kept.Close()
	a := master(path)
	a.on(t, kept).expect(t, path, 200, "MetricValueList")
	load := startAsking(func() error {
		_, err := clients.RESTClient().Get().AbsPath(path).DoRaw(ctx)
		return err
	})

	overwrite(t, "front-proxy-ca.crt", string(oldCA)+pemOf(ca))
	var published time.Time
	wait(t, "kube-apiserver publishes the new CA", func() (bool, error) {
		text, err := requestHeaderCA()
		published = time.Now()
		return err == nil && strings.Contains(text, pemOf(ca)), err
	})
	b := a
	b.certificate = &next
	wait(t, "a certificate of the new CA counts", func() (bool, error) { return b.do(t).status == 200, nil })
	t.Logf("a certificate of the new CA counted %.0f ms after the CA was published", float64(time.Since(published).Microseconds())/1000)
	a.on(t, kept).expect(t, path, 200, "MetricValueList") // the connection from before goes on

	overwrite(t, "front-proxy.key", keyOf(t, next)) // a pair that does not fit is not taken
	overwrite(t, "front-proxy.crt", pemOf(next))
	log := filepath.Join(dir, "kube-apiserver.log")
	wait(t, "kube-apiserver has read its new certificate", func() (bool, error) {
		text, err := os.ReadFile(log)
		return strings.Count(string(text), `"Loaded a new cert/key pair" name="aggregator-proxy-cert`) >= 2, err
	})

	overwrite(t, "front-proxy-ca.crt", pemOf(ca))
	patch, err := json.Marshal(map[string]any{"data": map[string]string{"requestheader-client-ca-file": pemOf(ca)}})
	must(t, err)
	in := clients.CoreV1().ConfigMaps("kube-system")
	_, err = in.Patch(ctx, "extension-apiserver-authentication", types.MergePatchType, patch, metav1.PatchOptions{})
	must(t, err)
	wait(t, "the old CA counts no more", func() (bool, error) {
		got := a.do(t)
		return got.status == 401, fmt.Errorf("%d", got.status)
	})
	load.await(t, 40) // with the new certificate alone
	load.end()
	t.Logf("%d asked through the aggregator meanwhile, %d failed (%v)", load.asked.Load(), load.failed.Load(), load.last.Load())
	if load.failed.Load() > 0 {
		t.Error("answers failed")
	}
	pki.proxyCA, pki.proxy = ca, next
}
