package conformance

import (
	"encoding/json"
	"strings"
	"testing"

	apidiscoveryv2 "k8s.io/api/apidiscovery/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
)

const mediaType = "application/json;g=apidiscovery.k8s.io;v=%;as=APIGroupDiscoveryList"

var versions = []string{"v1beta2", "v1beta1"}

func TestAvailabilityProbeOfTheAggregator(t *testing.T) {
	for _, v := range versions {
		got := master("/apis/"+group+"/"+v).expect(t, 200, "APIResourceList")
		if ct := got.header.Get("Content-Type"); ct != "application/json" {
			t.Errorf("Content-Type is %q", ct)
		}
		wait(t, "APIService "+v+" is Available", func() (bool, error) { return available(v + "." + group) })
	}
}

func available(name string) (bool, error) {
	o, err := objects.Resource(schema.GroupVersionResource{Group: "apiregistration.k8s.io", Version: "v1", Resource: "apiservices"}).
		Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return false, err
	}
	status, _ := o.Object["status"].(map[string]any)
	conditions, _ := status["conditions"].([]any)
	for _, c := range conditions {
		m, _ := c.(map[string]any)
		if m["type"] == "Available" {
			return m["status"] == "True", nil
		}
	}
	return false, nil
}

func TestResourceListHasOneEntryPerMetricAndIsNeverEmpty(t *testing.T) {
	for _, v := range versions {
		var list metav1.APIResourceList
		must(t, json.Unmarshal([]byte(master("/apis/"+group+"/"+v).do(t).body), &list))
		if list.Kind != "APIResourceList" || list.APIVersion != "v1" || list.GroupVersion != group+"/"+v || len(list.APIResources) == 0 {
			t.Errorf("%+v", list)
		}
		for _, r := range list.APIResources {
			if r.Kind != "MetricValueList" || !r.Namespaced || strings.Join(r.Verbs, " ") != "get" || !strings.Contains(r.Name, "/") {
				t.Errorf("%+v", r)
			}
		}
	}
}

func TestAggregatedDiscoveryHasTheExactMediaTypeAConstantETagAndA304(t *testing.T) {
	for _, v := range []string{"v2", "v2beta1"} {
		want := strings.Replace(mediaType, "%", v, 1)
		accept := "Accept: " + want
		first := master("/apis", accept).expect(t, 200, `"apidiscovery.k8s.io/`+v+`"`)
		if got := first.header.Get("Content-Type"); got != want {
			t.Errorf("Content-Type is %q", got)
		}
		etag := first.header.Get("ETag")
		if again := master("/apis", accept).do(t); etag == "" || again.header.Get("ETag") != etag || again.body != first.body {
			t.Errorf("ETag %q, then %q", etag, again.header.Get("ETag"))
		}
		if other := askOther(t, accept); other.header.Get("ETag") != etag {
			t.Errorf("the other replica has ETag %q, this one %q", other.header.Get("ETag"), etag)
		}
		unchanged := master("/apis", accept, "If-None-Match: "+etag).do(t)
		if unchanged.status != 304 || unchanged.body != "" || unchanged.header.Get("ETag") != etag {
			t.Errorf("%d %q", unchanged.status, unchanged.body)
		}
		master("/apis", accept, `If-None-Match: "another"`).expect(t, 200, group)
	}
}

func askOther(t *testing.T, accept string) answer {
	operators[0], operators[1] = operators[1], operators[0]
	defer func() { operators[0], operators[1] = operators[1], operators[0] }()
	return master("/apis", accept).do(t)
}

func TestWhatTheAggregatorAsksForGetsV2First(t *testing.T) {
	both := "Accept: " + strings.Replace(mediaType, "%", "v2", 1) + "," + strings.Replace(mediaType, "%", "v2beta1", 1)
	got := master("/apis", both).expect(t, 200, "APIGroupDiscoveryList")
	var list apidiscoveryv2.APIGroupDiscoveryList
	must(t, json.Unmarshal([]byte(got.body), &list))
	if len(list.Items) != 1 || list.Items[0].Name != group || len(list.Items[0].Versions) != len(versions) {
		t.Fatalf("%+v", list)
	}
	for i, v := range list.Items[0].Versions {
		if v.Version != versions[i] || v.Freshness != apidiscoveryv2.DiscoveryFreshnessCurrent || len(v.Resources) == 0 {
			t.Errorf("%+v", v)
		}
		for _, r := range v.Resources {
			if r.ResponseKind == nil || r.Scope != apidiscoveryv2.ScopeNamespace || len(r.Subresources) == 0 {
				t.Errorf("%+v", r)
			}
			for _, s := range r.Subresources {
				if s.ResponseKind == nil || s.ResponseKind.Kind != "MetricValueList" {
					t.Errorf("%+v", s)
				}
			}
		}
	}
}

func TestPlainDiscoveryAndTheOtherRoutes(t *testing.T) {
	master("/apis", "Accept: application/json").expect(t, 200, "APIGroupList")
	master("/apis").expect(t, 200, "APIGroupList")
	master("/apis/"+group).expect(t, 200, `"preferredVersion":{"groupVersion":"custom.metrics.k8s.io/v1beta2"`)
	master("/version").expect(t, 200, "gitVersion")
	master("/metrics").expect(t, 200, "lp_adapter_")
	master("/openapi/v2", "Accept: application/json").expect(t, 404, "NotFound")
	master("/openapi/v3").expect(t, 404, "NotFound")
	master("/apis/external.metrics.k8s.io/v1beta1").expect(t, 404, "NotFound")
	master("/apis/"+group+"/v1").expect(t, 404, "NotFound")
	for _, p := range []string{"/healthz", "/livez", "/readyz"} {
		ask{path: p}.expect(t, 200, "ok")
	}
}

// After an answer without v2 the aggregator asks without groups; RBAC lets system:authenticated discover.
func TestLegacyDiscoveryOfAUserWithoutGroups(t *testing.T) {
	a := proxied("/apis/"+group+"/v1beta2", "system:kube-aggregator")
	a.headers = append(a.headers, "Accept: application/json")
	a.expect(t, 200, "APIResourceList")
}

func TestGoDiscoveryClientsSeeEveryMetric(t *testing.T) {
	for _, legacy := range []bool{false, true} {
		c, err := discovery.NewDiscoveryClientForConfig(config)
		must(t, err)
		c.UseLegacyDiscovery = legacy
		wait(t, "discovery lists the metrics", func() (bool, error) {
			groups, lists, err := c.ServerGroupsAndResources()
			if err != nil {
				return false, err
			}
			found := 0
			for _, g := range groups {
				if g.Name == group && g.PreferredVersion.Version == "v1beta2" {
					found++
				}
			}
			for _, l := range lists {
				if l.GroupVersion != group+"/v1beta2" && l.GroupVersion != group+"/v1beta1" {
					continue
				}
				for _, r := range l.APIResources {
					if r.Name == "services/queue_depth" || r.Name == "pods/queue_depth" {
						found++
					}
				}
			}
			return found == 5, nil
		})
	}
}
