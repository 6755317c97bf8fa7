// Package conformance drives the metrics API of two running lp-operator programs: directly over TLS
// with certificates and tokens of every kind, and through kube-apiserver's aggregator with the clients
// that the HPA controller and kubectl use. test/conformance/run starts the control plane.
package conformance

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	authv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

const (
	systemNamespace = "learning-platform-system"
	group           = "custom.metrics.k8s.io"
	serverName      = "lp-metrics." + systemNamespace + ".svc"
	deadline        = 60 * time.Second
)

var (
	ctx       = context.Background()
	dir, bin  string
	config    *rest.Config
	clients   *kubernetes.Clientset
	objects   *dynamic.DynamicClient
	pki       keys
	operators [2]*operator
	auth      *service
)

// operator is one running lp-operator, which an EndpointSlice of its own leads to.
type operator struct {
	name                  string
	port, metrics, podsAt int
	kubeconfig            string
	more                  []string // of its environment
	command               *exec.Cmd
	done                  chan struct{} // closed once it ended
}

func TestMain(m *testing.M) {
	if isContainer() {
		return
	}
	status := 1
	if err := startAll(); err != nil {
		fmt.Fprintln(os.Stderr, "cannot start:", err)
	} else {
		status = m.Run()
	}
	for _, o := range operators {
		if o != nil {
			o.end(syscall.SIGTERM)
		}
	}
	os.Exit(status)
}

func startAll() error {
	dir, bin = os.Getenv("LP_CONFORMANCE_DIR"), os.Getenv("LP_BIN")
	if dir == "" || bin == "" {
		return fmt.Errorf("LP_CONFORMANCE_DIR and LP_BIN are not set: run test/conformance/run")
	}
	var err error
	if config, err = clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG")); err != nil {
		return err
	}
	config.QPS, config.Burst = 1000, 1000
	if clients, err = kubernetes.NewForConfig(config); err != nil {
		return err
	}
	if objects, err = dynamic.NewForConfig(config); err != nil {
		return err
	}
	if err = pki.read(filepath.Join(dir, "pki")); err != nil {
		return err
	}
	if auth, err = newService("learning", "english", "auth"); err != nil {
		return err
	}
	kubeconfig, err := operatorKubeconfig()
	if err != nil {
		return err
	}
	for i := range operators {
		operators[i] = &operator{
			name: fmt.Sprintf("lp-operator-%d", i), port: freePort(), metrics: freePort(),
			podsAt: auth.port, kubeconfig: kubeconfig,
		}
		if err = operators[i].start(); err != nil {
			return err
		}
	}
	return nil
}

// operatorKubeconfig gives the programs the rights of the ServiceAccount in config/rbac, and no more.
func operatorKubeconfig() (string, error) {
	hour := int64(3600)
	token, err := clients.CoreV1().ServiceAccounts(systemNamespace).CreateToken(ctx, "lp-operator",
		&authv1.TokenRequest{Spec: authv1.TokenRequestSpec{ExpirationSeconds: &hour}}, metav1.CreateOptions{})
	if err != nil {
		return "", err
	}
	c := clientcmdapi.NewConfig()
	c.Clusters["test"] = &clientcmdapi.Cluster{Server: config.Host, CertificateAuthorityData: config.CAData}
	c.AuthInfos["test"] = &clientcmdapi.AuthInfo{Token: token.Status.Token}
	c.Contexts["test"] = &clientcmdapi.Context{Cluster: "test", AuthInfo: "test"}
	c.CurrentContext = "test"
	path := filepath.Join(dir, "operator.kubeconfig")
	return path, clientcmd.WriteToFile(*c, path)
}

// Until this process ends no other test gets one of these ports (plane.py, program.c): the name of an abstract socket says so.
var reserved []net.Listener

// freePort is below 32768, from where the kernel gives out ports to connections: a program that is started again needs the same one.
func freePort() int {
	for try := 0; try < 200; try++ {
		port := 10000 + rand.IntN(10000)
		name, err := net.Listen("unix", fmt.Sprintf("@lp-test-port-%d", port))
		if err != nil {
			continue
		}
		reserved = append(reserved, name)
		if l, err := net.Listen("tcp", fmt.Sprintf(":%d", port)); err == nil {
			l.Close()
			return port
		}
	}
	panic("no free port between 10000 and 19999 in 200 tries: close some programs")
}

// start runs the program, waits until it is ready, and leads the Service to it.
func (o *operator) start() error {
	log, err := os.OpenFile(filepath.Join(dir, o.name+".log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	o.command = exec.Command(filepath.Join(bin, "lp-operator"))
	o.command.Env = []string{
		"KUBECONFIG=" + o.kubeconfig, "POD_NAME=" + o.name, "POD_NAMESPACE=" + systemNamespace,
		fmt.Sprintf("ADAPTER_PORT=%d", o.port), fmt.Sprintf("METRICS_PORT=%d", o.metrics),
		fmt.Sprintf("POD_METRICS_PORT=%d", o.podsAt),
		"ADAPTER_CA_SECONDS=" + caSeconds, "ADAPTER_CERTIFICATE_SECONDS=" + certificateSeconds,
	}
	o.command.Env = append(o.command.Env, o.more...)
	o.command.Stdout, o.command.Stderr = log, log
	if err = o.command.Start(); err != nil {
		return err
	}
	o.done = make(chan struct{})
	go func(c *exec.Cmd, done chan struct{}) {
		_ = c.Wait()
		close(done)
	}(o.command, o.done)
	if err = until(o.name+" is ready", func() (bool, error) { return o.ready(), nil }); err != nil {
		return err
	}
	return o.lead()
}

func (o *operator) ready() bool {
	r, err := client(nil).Get(fmt.Sprintf("https://127.0.0.1:%d/readyz", o.port))
	if err != nil {
		return false
	}
	defer r.Body.Close()
	return r.StatusCode == 200
}

// end sends a signal and waits for the end of the program.
func (o *operator) end(signal syscall.Signal) {
	if o.command == nil || o.command.Process == nil {
		return
	}
	_ = o.command.Process.Signal(signal)
	<-o.done
}

// lead is the endpoint controller's part: the program answers on this machine's own address.
func (o *operator) lead() error {
	yes, https, port, tcp := true, "https", int32(o.port), corev1.ProtocolTCP
	address, err := hostAddress()
	if err != nil {
		return err
	}
	_, err = clients.DiscoveryV1().EndpointSlices(systemNamespace).Create(ctx, &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Name: o.name, Labels: map[string]string{"kubernetes.io/service-name": "lp-metrics"}},
		AddressType: discoveryv1.AddressTypeIPv4,
		Endpoints:   []discoveryv1.Endpoint{{Addresses: []string{address}, Conditions: discoveryv1.EndpointConditions{Ready: &yes}}},
		Ports:       []discoveryv1.EndpointPort{{Name: &https, Port: &port, Protocol: &tcp}},
	}, metav1.CreateOptions{})
	return err
}

// misled takes the program's endpoint away again.
func (o *operator) misled() error {
	return clients.DiscoveryV1().EndpointSlices(systemNamespace).Delete(ctx, o.name, metav1.DeleteOptions{})
}

// hostAddress is one that is no loopback address: endpoints may not be on loopback.
func hostAddress() (string, error) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return "", err
	}
	for _, a := range all {
		if in, ok := a.(*net.IPNet); ok && in.IP.To4() != nil && !in.IP.IsLoopback() {
			return in.IP.String(), nil
		}
	}
	return "", fmt.Errorf("this machine has no address but loopback")
}

// until asks again until it is so, at most deadline.
func until(what string, holds func() (bool, error)) error {
	var last error
	for end := time.Now().Add(deadline); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		ok, err := holds()
		if ok {
			return nil
		}
		last = err
	}
	return fmt.Errorf("after %v still not so: %s (%v)", deadline, what, last)
}

func wait(t *testing.T, what string, holds func() (bool, error)) {
	t.Helper()
	if err := until(what, holds); err != nil {
		t.Fatal(err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
