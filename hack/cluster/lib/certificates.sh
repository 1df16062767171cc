# Copyright 2026 The MultiNic Authors.
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# The certificates and kubeconfigs; made once, kept with the data.

key_options=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)

authority() { # authority NAME
	[ ! -s "$PKI_DIR/$1.crt" ] || return 0
	openssl req -x509 "${key_options[@]}" -days 3650 -keyout "$PKI_DIR/$1.key" -out "$PKI_DIR/new" -subj "/CN=$1" \
		-addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign,digitalSignature 2>/dev/null
	mv "$PKI_DIR/new" "$PKI_DIR/$1.crt"
}

certificate() { # certificate NAME AUTHORITY SUBJECT USAGE [ALTERNATIVE-NAMES]
	[ ! -s "$PKI_DIR/$1.crt" ] || return 0
	openssl req -new "${key_options[@]}" -keyout "$PKI_DIR/$1.key" -subj "$3" 2>/dev/null |
		openssl x509 -req -days 3650 -CA "$PKI_DIR/$2.crt" -CAkey "$PKI_DIR/$2.key" -set_serial "0x$(openssl rand -hex 12)" \
			-out "$PKI_DIR/new" -extfile <(
				echo "keyUsage=critical,digitalSignature"
				echo "extendedKeyUsage=$4"
				[ -z "${5-}" ] || echo "subjectAltName=$5"
			) 2>/dev/null
	mv "$PKI_DIR/new" "$PKI_DIR/$1.crt"
}

kubeconfig() { # kubeconfig NAME: of the certificate of that name
	cat >"$STATE_DIR/$1.kubeconfig" <<Y
apiVersion: v1
kind: Config
clusters: [{name: multinic, cluster: {server: "https://$NODE_IP:6443", certificate-authority-data: $(base64 -w0 "$PKI_DIR/ca.crt")}}]
users: [{name: $1, user: {client-certificate-data: $(base64 -w0 "$PKI_DIR/$1.crt"), client-key-data: $(base64 -w0 "$PKI_DIR/$1.key")}}]
contexts: [{name: multinic, context: {cluster: multinic, user: $1}}]
current-context: multinic
Y
}

make_certificates() {
	local names name
	names=DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local
	authority ca
	authority front-proxy-ca
	certificate apiserver ca /CN=kube-apiserver serverAuth "$names,IP:127.0.0.1,IP:$NODE_IP,IP:$API_SERVICE_IP"
	certificate kubelet-serving ca "/O=system:nodes/CN=system:node:$NODE" serverAuth "DNS:$NODE,IP:$NODE_IP"
	certificate apiserver-kubelet ca /O=system:masters/CN=apiserver-kubelet clientAuth
	certificate front-proxy front-proxy-ca /CN=front-proxy-client clientAuth
	certificate admin ca /O=system:masters/CN=admin clientAuth
	certificate controller-manager ca /CN=system:kube-controller-manager clientAuth
	certificate scheduler ca /CN=system:kube-scheduler clientAuth
	certificate kubelet ca "/O=system:nodes/CN=system:node:$NODE" clientAuth
	certificate proxy ca /CN=system:kube-proxy clientAuth
	if [ ! -s "$PKI_DIR/sa.pub" ]; then
		openssl ecparam -name prime256v1 -genkey -noout -out "$PKI_DIR/sa.key"
		openssl ec -in "$PKI_DIR/sa.key" -pubout -out "$PKI_DIR/new" 2>/dev/null
		mv "$PKI_DIR/new" "$PKI_DIR/sa.pub"
	fi
	for name in admin controller-manager scheduler kubelet proxy; do kubeconfig $name; done
}
