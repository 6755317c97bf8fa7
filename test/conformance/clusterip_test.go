package conformance

import (
	"io"
	"math/rand"
	"net"
	"os"
	"strconv"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// serveClusterIP is kube-proxy's part where kube-apiserver sends to the address of a Service: each connection goes to one
// of its endpoints, by chance. It needs an address that leads here, so the Services' range is on loopback.
func serveClusterIP(t *testing.T) {
	t.Helper()
	service, err := clients.CoreV1().Services(systemNamespace).Get(ctx, "lp-metrics", metav1.GetOptions{})
	must(t, err)
	l, err := net.Listen("tcp", net.JoinHostPort(service.Spec.ClusterIP, strconv.Itoa(int(service.Spec.Ports[0].Port))))
	must(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go toAnEndpoint(c.(*net.TCPConn))
		}
	}()
}

func toAnEndpoint(c *net.TCPConn) {
	defer c.Close()
	list, err := clients.DiscoveryV1().EndpointSlices(systemNamespace).List(ctx, metav1.ListOptions{LabelSelector: "kubernetes.io/service-name=lp-metrics"})
	var all []string // the controller's own slice has none: the pods are Pending
	for i := 0; err == nil && i < len(list.Items); i++ {
		for _, e := range list.Items[i].Endpoints {
			all = append(all, net.JoinHostPort(e.Addresses[0], strconv.Itoa(int(*list.Items[i].Ports[0].Port))))
		}
	}
	if len(all) == 0 {
		_ = c.SetLinger(0)
		return
	}
	u, err := net.Dial("tcp", all[rand.Intn(len(all))])
	if err != nil { // refused: the packet of the pod's kernel comes through
		_ = c.SetLinger(0)
		return
	}
	defer u.Close()
	go func() {
		_, _ = io.Copy(u, c)
		u.Close()
	}()
	_, _ = io.Copy(c, u)
}

// The same as TestKillOfOneReplica where kube-apiserver sends to the Service's address, as is usual: with
// LP_APISERVER_FLAGS='--enable-aggregator-routing=false --service-cluster-ip-range=127.96.0.0/16' and LP_CLUSTER_IP=1.
func TestKillOfOneReplicaBehindAServicesAddress(t *testing.T) {
	if os.Getenv("LP_CLUSTER_IP") == "" {
		t.Skip("LP_CLUSTER_IP is not set")
	}
	serveClusterIP(t)
	TestKillOfOneReplica(t)
}
