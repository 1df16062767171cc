// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
)

// newClient gives a client that has the server refuse unknown fields, as
// kubectl apply does.
func newClient(config *rest.Config) (client.Client, error) {
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return nil, err
	}
	c, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, err
	}
	return client.WithFieldValidation(c, metav1.FieldValidationStrict), nil
}

// applyFile creates every object of a YAML file, after change has had its way
// with it.
func applyFile(ctx context.Context, c client.Client, path string, change func(*unstructured.Unstructured)) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(content), 4096)
	for {
		obj := &unstructured.Unstructured{}
		err := decoder.Decode(&obj.Object)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if obj.Object == nil {
			continue
		}
		if change != nil {
			change(obj)
		}
		if err := c.Create(ctx, obj); err != nil {
			return fmt.Errorf("%s: creating %s %s: %w", path, obj.GetKind(), obj.GetName(), err)
		}
	}
}

// serviceAccountKubeconfig writes a kubeconfig that logs in as the controller's
// ServiceAccount.
func serviceAccountKubeconfig(ctx context.Context, admin *rest.Config, c client.Client, dir string) (string, error) {
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: controllerNamespace, Name: "multinic-controller"}}
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: ptr.To[int64](24 * 60 * 60)}}
	if err := c.SubResource("token").Create(ctx, account, request); err != nil {
		return "", fmt.Errorf("asking for a token of the ServiceAccount multinic-controller: %w", err)
	}
	config := clientcmdapi.NewConfig()
	config.Clusters["demo"] = &clientcmdapi.Cluster{Server: admin.Host, CertificateAuthorityData: admin.CAData}
	config.AuthInfos["controller"] = &clientcmdapi.AuthInfo{Token: request.Status.Token}
	config.Contexts["demo"] = &clientcmdapi.Context{Cluster: "demo", AuthInfo: "controller", Namespace: controllerNamespace}
	config.CurrentContext = "demo"
	path := filepath.Join(dir, "controller.kubeconfig")
	return path, clientcmd.WriteToFile(*config, path) // readable by this user only
}

// kubectlGet is what kubectl get would print: the server renders its kinds as
// Tables itself.
func kubectlGet(ctx context.Context, config *rest.Config, resource, namespace string) (table, error) {
	web, err := rest.HTTPClientFor(config)
	if err != nil {
		return table{}, err
	}
	url := strings.TrimRight(config.Host, "/") + "/apis/" + v1alpha1.GroupVersion.String() + "/namespaces/" + namespace + "/" + resource
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return table{}, err
	}
	request.Header.Set("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io")
	response, err := web.Do(request)
	if err != nil {
		return table{}, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return table{}, fmt.Errorf("GET %s: %s", url, response.Status)
	}
	var rendered metav1.Table
	if err := json.NewDecoder(response.Body).Decode(&rendered); err != nil {
		return table{}, fmt.Errorf("GET %s: %w", url, err)
	}
	return kubectlTable(&rendered)
}
