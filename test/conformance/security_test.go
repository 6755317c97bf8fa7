package conformance

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	authv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

func metricPath() string { return below("v1beta2", "services/"+auth.name()+"/queue_depth") }

func TestTLS12IsTheFloorAnd13ThePreference(t *testing.T) {
	address := fmt.Sprintf("127.0.0.1:%d", operators[0].port)
	for version, want := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		c := tlsConfig(nil)
		c.MinVersion, c.MaxVersion = version, version
		conn, err := tls.Dial("tcp", address, c)
		if (err == nil) != want {
			t.Errorf("TLS %#x: %v", version, err)
		}
		if conn != nil {
			conn.Close()
		}
	}
	conn, err := tls.Dial("tcp", address, tlsConfig(nil))
	must(t, err)
	defer conn.Close()
	if v := conn.ConnectionState().Version; v != tls.VersionTLS13 {
		t.Errorf("%#x was chosen of 1.0 to 1.3", v)
	}
}

func TestHeadersCountFromTheFrontProxyOnly(t *testing.T) {
	otherCA := issue(t, nil, "front-proxy-ca")
	forged, stranger := issue(t, &otherCA, "front-proxy-client"), issue(t, &pki.proxyCA, "somebody-else")
	for name, c := range map[string]*tls.Certificate{"none": nil, "another CA's": &forged, "another name's": &stranger} {
		a := master(metricPath())
		a.certificate = c
		if got := a.expect(t, 401, "Unauthorized"); got.header.Get("WWW-Authenticate") == "" {
			t.Errorf("certificate %s: no WWW-Authenticate", name)
		}
	}
	ask{certificate: &pki.proxy, path: metricPath()}.expect(t, 401, "Unauthorized")
	master(metricPath()).expect(t, 200, "MetricValueList")
}

func TestAUserOfTheClientCAIsItselfWhateverItsHeadersSay(t *testing.T) {
	ask{certificate: &pki.admin, path: metricPath(), headers: []string{"X-Remote-User: eve"}}.expect(t, 200, "MetricValueList")
}

func TestRBACDecides(t *testing.T) {
	proxied(metricPath(), "eve", "students").expect(t, 403, `User \"eve\" cannot get resource \"services/queue_depth\"`)
	proxied("/metrics", "eve", "students").expect(t, 403, `cannot get path \"/metrics\"`)
	proxied(below("v1beta2", "pods/%2A/queue_depth"), "system:serviceaccount:kube-system:horizontal-pod-autoscaler",
		"system:serviceaccounts", "system:serviceaccounts:kube-system").expect(t, 200, "MetricValueList")
}

// A right that is given is known to both caches, ours and kube-apiserver's, within their 10 seconds.
func TestATokenIsReviewedAndItsRightsAreKnownInTenSeconds(t *testing.T) {
	must(t, ignoreExists(clients.CoreV1().ServiceAccounts(auth.namespace).Create(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "reader"}}, metav1.CreateOptions{})))
	hour := int64(3600)
	token, err := clients.CoreV1().ServiceAccounts(auth.namespace).CreateToken(ctx, "reader",
		&authv1.TokenRequest{Spec: authv1.TokenRequestSpec{ExpirationSeconds: &hour}}, metav1.CreateOptions{})
	must(t, err)
	bearer := func(text string) ask {
		return ask{path: metricPath(), headers: []string{"Authorization: Bearer " + text}}
	}
	bearer("nonsense").expect(t, 401, "Unauthorized")
	bearer(token.Status.Token+"x").expect(t, 401, "Unauthorized")
	bearer(token.Status.Token).expect(t, 403, "system:serviceaccount:learning:reader")
	must(t, ignoreExists(clients.RbacV1().RoleBindings(auth.namespace).Create(ctx, &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "reader"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "learning-platform-viewer"},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Name: "reader", Namespace: auth.namespace}}}, metav1.CreateOptions{})))
	began := time.Now()
	wait(t, "the reader may", func() (bool, error) { return bearer(token.Status.Token).do(t).status == 200, nil })
	t.Logf("a new right counted after %.1f s", time.Since(began).Seconds())
}

func ignoreExists[T any](_ T, err error) error {
	if err != nil && strings.Contains(err.Error(), "already exists") {
		return nil
	}
	return err
}

// The CA of the front proxy changes in the ConfigMap while connections are open: they go on, and
// certificates of the new CA and the new name are taken.
func TestANewFrontProxyCAIsTakenWithoutADroppedConnection(t *testing.T) {
	ca := issue(t, nil, "second-front-proxy-ca")
	rotated := issue(t, &ca, "second-front-proxy")
	kept := dial(t, &pki.proxy)
	defer kept.Close()
	a := master(metricPath())
	a.on(t, kept).expect(t, a.path, 200, "MetricValueList")
	b := a
	b.certificate = &rotated
	b.expect(t, 401, "Unauthorized")
	waiting := dial(t, &rotated) // its handshake is over before the change
	defer waiting.Close()

	in := clients.CoreV1().ConfigMaps("kube-system")
	m, err := in.Get(ctx, "extension-apiserver-authentication", metav1.GetOptions{})
	must(t, err)
	patch, err := json.Marshal(map[string]any{"data": map[string]string{
		"requestheader-client-ca-file": m.Data["requestheader-client-ca-file"] + pemOf(ca),
		"requestheader-allowed-names":  `["front-proxy-client","second-front-proxy"]`}})
	must(t, err)
	_, err = in.Patch(ctx, m.Name, types.MergePatchType, patch, metav1.PatchOptions{})
	must(t, err)
	began := time.Now()
	wait(t, "the new CA counts", func() (bool, error) {
		a.on(t, kept).expect(t, a.path, 200, "MetricValueList")
		return b.do(t).status == 200, nil
	})
	t.Logf("a new front-proxy CA counted after %.0f ms", float64(time.Since(began).Microseconds())/1000)
	b.on(t, waiting).expect(t, b.path, 200, "MetricValueList")
	a.on(t, kept).expect(t, a.path, 200, "MetricValueList")
}
