# Certificates and kubeconfigs of a control plane, made with OpenSSL. Sourced, never run.
# shellcheck shell=bash

new_ca() { # FILE_STEM COMMON_NAME
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 \
        -subj "/CN=$2" -keyout "$1.key" -out "$1.crt" \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
}

# signed by CA_STEM.crt; EXTENSIONS is the text of an OpenSSL extension file.
new_certificate() { # FILE_STEM CA_STEM SUBJECT EXTENSIONS
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
        -subj "$3" -keyout "$1.key" -out "$1.csr" &&
        openssl x509 -req -in "$1.csr" -CA "$2.crt" -CAkey "$2.key" -CAcreateserial -days 30 \
            -extfile <(printf '%s\n' "$4") -out "$1.crt" &&
        rm "$1.csr"
}

new_client() { # FILE_STEM CA_STEM SUBJECT
    new_certificate "$1" "$2" "$3" 'extendedKeyUsage = clientAuth'
}

make_certificates() { # DIR
    new_ca "$1/ca" test-ca &&
        new_ca "$1/front-proxy-ca" test-front-proxy-ca &&
        new_certificate "$1/apiserver" "$1/ca" /CN=kube-apiserver 'extendedKeyUsage = serverAuth
subjectAltName = IP:127.0.0.1, IP:10.96.0.1, DNS:localhost, DNS:kubernetes.default.svc' &&
        new_client "$1/admin" "$1/ca" /O=system:masters/CN=admin &&
        new_client "$1/controller-manager" "$1/ca" /CN=system:kube-controller-manager &&
        new_client "$1/scheduler" "$1/ca" /CN=system:kube-scheduler &&
        new_client "$1/front-proxy" "$1/front-proxy-ca" /CN=front-proxy-client &&
        openssl ecparam -name prime256v1 -genkey -noout -out "$1/service-account.key" &&
        openssl ec -in "$1/service-account.key" -pubout -out "$1/service-account.pub"
}

# A kubeconfig with everything inline, so that it can be copied elsewhere.
write_kubeconfig() { # FILE SERVER_URL CA_FILE CLIENT_STEM
    (umask 077 && cat >"$1") <<YAML
apiVersion: v1
kind: Config
clusters:
- name: test
  cluster:
    server: $2
    certificate-authority-data: $(base64 -w0 "$3")
users:
- name: test
  user:
    client-certificate-data: $(base64 -w0 "$4.crt")
    client-key-data: $(base64 -w0 "$4.key")
contexts:
- name: test
  context: {cluster: test, user: test, namespace: default}
current-context: test
YAML
}
