# The versions of everything that the test scripts fetch or build, in one place. Sourced, never run.
# shellcheck shell=bash disable=SC2034

# The version of Kubernetes can be chosen from outside: LP_KUBERNETES_VERSION=1.34.4.
USUAL_KUBERNETES_VERSION=1.34.4
KUBERNETES_VERSION=${LP_KUBERNETES_VERSION:-$USUAL_KUBERNETES_VERSION}
# ./check compat runs the integration tests that depend on it with this one too.
SECOND_KUBERNETES_VERSION=1.36.3
ETCD_VERSION=v3.6.4
# These two are the newest that compile with the libraries of Kubernetes 1.34 (parts.sh).
COREDNS_VERSION=v1.14.1
METRICS_SERVER_VERSION=v0.8.0
CONTAINERD_VERSION=v2.1.4
KIND_VERSION=v0.33.0
KWOK_VERSION=v0.8.0
DEBIAN_RELEASE=bookworm

# What kubeadm of this version asks for; the images made here carry these tags whatever is inside.
ETCD_IMAGE_TAG=3.6.5-0
COREDNS_IMAGE_TAG=v1.12.1
PAUSE_IMAGE_TAGS='3.10 3.10.1'

# With a registry: the node image that kind's release notes give for this release of kind.
NODE_IMAGE=${LP_NODE_IMAGE:-kindest/node:v1.34.11@sha256:44e222ee2132dab25ff87301682f89eb82c7880ea3a1bf543bfe9708fd08d67d}
METRICS_SERVER_IMAGE=registry.k8s.io/metrics-server/metrics-server:$METRICS_SERVER_VERSION
# A shell for the pods of tests. Without a registry Debian's busybox is made into this image.
TEST_IMAGE=docker.io/library/busybox:1.35
