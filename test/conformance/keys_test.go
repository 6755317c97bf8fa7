package conformance

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// keys are the control plane's: what the front proxy and an administrator present.
type keys struct {
	proxyCA      tls.Certificate
	proxy, admin tls.Certificate
}

func (k *keys) read(folder string) error {
	for stem, into := range map[string]*tls.Certificate{"front-proxy-ca": &k.proxyCA, "front-proxy": &k.proxy, "admin": &k.admin} {
		pair, err := tls.LoadX509KeyPair(filepath.Join(folder, stem+".crt"), filepath.Join(folder, stem+".key"))
		if err != nil {
			return err
		}
		*into = pair
	}
	return nil
}

// issue makes a client certificate; ca nil: a CA.
func issue(t *testing.T, ca *tls.Certificate, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, KeyUsage: x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
	}
	parent, signer := template, any(key)
	if ca == nil {
		template.IsCA, template.KeyUsage, template.ExtKeyUsage = true, x509.KeyUsageCertSign, nil
	} else {
		parent, err = x509.ParseCertificate(ca.Certificate[0])
		must(t, err)
		signer = ca.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	must(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func pemOf(c tls.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]}))
}

// servingCA is what the APIServices tell kube-apiserver to trust.
func servingCA() *x509.CertPool {
	pool := x509.NewCertPool()
	secret, err := clients.CoreV1().Secrets(systemNamespace).Get(ctx, "lp-metrics-tls", metav1.GetOptions{})
	if err == nil {
		pool.AppendCertsFromPEM(secret.Data["ca.crt"])
	}
	return pool
}

func tlsConfig(certificate *tls.Certificate) *tls.Config {
	c := &tls.Config{RootCAs: servingCA(), ServerName: serverName, MinVersion: tls.VersionTLS10}
	if certificate != nil {
		// As kube-apiserver does: whatever CAs the server names.
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return certificate, nil }
	}
	return c
}

func client(certificate *tls.Certificate) *http.Client {
	return &http.Client{Timeout: 10 * time.Second,
		Transport: &http.Transport{TLSClientConfig: tlsConfig(certificate), DisableKeepAlives: true, DisableCompression: true}}
}

// ask is one request, byte for byte as given, on a connection of its own or a kept one.
type ask struct {
	certificate  *tls.Certificate
	method, path string   // method "": GET
	headers      []string // "Name: value"
}

type answer struct {
	status int
	header http.Header
	body   string
}

func dial(t *testing.T, certificate *tls.Certificate) *tls.Conn {
	t.Helper()
	c, err := tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", operators[0].port), tlsConfig(certificate))
	must(t, err)
	must(t, c.SetDeadline(time.Now().Add(deadline)))
	return c
}

// each has both programs asked what dial asks the first.
func each(ask func(o *operator)) {
	saved := operators[0]
	defer func() { operators[0] = saved }()
	for _, o := range []*operator{saved, operators[1]} {
		operators[0] = o
		ask(o)
	}
}

// awaitEach waits until an answer of each program has this part: through the aggregator one would answer for both.
func awaitEach(t *testing.T, path, part string) {
	t.Helper()
	each(func(o *operator) {
		wait(t, o.name+" answers "+part, func() (bool, error) {
			got := master(path).do(t)
			return got.status == 200 && strings.Contains(got.body, part), fmt.Errorf("%s", got.body)
		})
	})
}

func (a ask) on(t *testing.T, c *tls.Conn) answer {
	t.Helper()
	method := a.method
	if method == "" {
		method = "GET"
	}
	_, err := io.WriteString(c, method+" "+a.path+" HTTP/1.1\r\nHost: "+serverName+"\r\n"+
		strings.Join(append(a.headers, ""), "\r\n")+"\r\n")
	must(t, err)
	r, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	must(t, err)
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	must(t, err)
	if got := r.Header.Get("Retry-After"); got != "" {
		t.Errorf("%s: Retry-After: %s; client-go would hold a worker of the HPA controller for it", a.path, got)
	}
	return answer{r.StatusCode, r.Header, string(body)}
}

func (a ask) do(t *testing.T) answer {
	t.Helper()
	c := dial(t, a.certificate)
	defer c.Close()
	return a.on(t, c)
}

// proxied asks as kube-apiserver would for a user of these groups.
func proxied(path, user string, groups ...string) ask {
	a := ask{certificate: &pki.proxy, path: path, headers: []string{"X-Remote-User: " + user}}
	for _, g := range groups {
		a.headers = append(a.headers, "X-Remote-Group: "+g)
	}
	return a
}

func master(path string, headers ...string) ask {
	a := proxied(path, "system:kube-aggregator", "system:masters")
	a.headers = append(a.headers, headers...)
	return a
}

// expect wants a status, and a Status object whose message has this part wherever it is a failure.
func (a ask) expect(t *testing.T, status int, part string) answer {
	t.Helper()
	got := a.do(t)
	got.expect(t, a.path, status, part)
	return got
}

func (got answer) expect(t *testing.T, path string, status int, part string) {
	t.Helper()
	if got.status != status || !strings.Contains(got.body, part) {
		t.Errorf("%s: %d, wanted %d with %q: %.300s", path, got.status, status, part, got.body)
		return
	}
	if status < 400 || got.body == "" {
		return
	}
	var s metav1.Status
	if err := json.Unmarshal([]byte(got.body), &s); err != nil || s.Kind != "Status" || s.APIVersion != "v1" ||
		s.Status != metav1.StatusFailure || int(s.Code) != status || s.Reason == "" || s.Message == "" {
		t.Errorf("%s: no Status that client-go understands (%v): %s", path, err, got.body)
	}
}

// keptClient asks one program as a front proxy, over connections that are kept.
func keptClient(o *operator) func(path string) error {
	c := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: tlsConfig(&pki.proxy), MaxIdleConnsPerHost: 4}}
	return func(path string) error {
		r, err := http.NewRequest("GET", fmt.Sprintf("https://127.0.0.1:%d%s", o.port, path), nil)
		if err != nil {
			return err
		}
		r.Header.Set("X-Remote-User", "system:kube-aggregator")
		r.Header.Set("X-Remote-Group", "system:masters")
		got, err := c.Do(r)
		if err != nil {
			return err
		}
		defer got.Body.Close()
		if _, err = io.Copy(io.Discard, got.Body); err == nil && got.StatusCode != 200 {
			err = fmt.Errorf("status %d", got.StatusCode)
		}
		return err
	}
}
