// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package backup

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// Names of the environment that holds the key to the bucket.
const (
	AccessKeyEnv = "S3_ACCESS_KEY_ID"
	SecretKeyEnv = "S3_SECRET_ACCESS_KEY"
)

// s3Retries is how often a call is made at most, with pauses that grow to seconds.
const s3Retries = 5

// S3Options name a bucket of an S3-compatible service. Without a Bucket there is
// none.
type S3Options struct {
	// Endpoint is a URL; without a scheme it is https.
	Endpoint string
	Bucket   string
	// Prefix is put before every key, with a slash between.
	Prefix string
	Region string
	// CAFile is a PEM file of the authorities to trust instead of the system's.
	CAFile string
}

// Open gives the bucket, nil if none is named. It does not connect.
func (o S3Options) Open(getenv func(string) string) (Bucket, error) {
	if o.Bucket == "" {
		return nil, nil
	}
	endpoint := o.Endpoint
	if !strings.Contains(endpoint, "://") {
		endpoint = "https://" + endpoint
	}
	at, err := url.Parse(endpoint)
	if err != nil || at.Host == "" || at.User != nil || at.Scheme != "https" && at.Scheme != "http" || strings.Trim(at.Path, "/") != "" {
		return nil, errors.New("the S3 endpoint: want a URL like https://s3.example.com, without path and credentials")
	}
	id, secret := getenv(AccessKeyEnv), getenv(SecretKeyEnv)
	if id == "" || secret == "" {
		return nil, fmt.Errorf("bucket %s: %s and %s are to be set in the environment", o.Bucket, AccessKeyEnv, SecretKeyEnv)
	}
	transport, err := o.transport(at.Scheme == "https")
	if err != nil {
		return nil, err
	}
	client, err := minio.New(at.Host, &minio.Options{
		Creds: credentials.NewStaticV4(id, secret, ""), Secure: at.Scheme == "https", Region: o.Region,
		Transport: transport, MaxRetries: s3Retries,
	})
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", o.Bucket, err)
	}
	prefix := strings.Trim(o.Prefix, "/")
	if prefix != "" {
		prefix += "/"
	}
	return &s3Bucket{client: client, bucket: o.Bucket, prefix: prefix, host: at.Host, secrets: []string{secret, id}}, nil
}

func (o S3Options) transport(secure bool) (http.RoundTripper, error) {
	transport, err := minio.DefaultTransport(secure)
	if err != nil || o.CAFile == "" || !secure {
		return transport, err
	}
	pem, err := os.ReadFile(o.CAFile)
	if err != nil {
		return nil, fmt.Errorf("reading the bucket's certificate authorities: %w", err)
	}
	transport.TLSClientConfig.RootCAs = x509.NewCertPool()
	if !transport.TLSClientConfig.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no PEM certificate", o.CAFile)
	}
	return transport, nil
}

type s3Bucket struct {
	client               *minio.Client
	bucket, prefix, host string
	secrets              []string
}

func (b *s3Bucket) String() string { return "s3://" + b.bucket + "/" + b.prefix + " at " + b.host }

func (b *s3Bucket) List(ctx context.Context) ([]Object, error) {
	var all []Object
	for o := range b.client.ListObjectsIter(ctx, b.bucket, minio.ListObjectsOptions{Prefix: b.prefix}) {
		if o.Err != nil {
			return nil, b.failed("listing", o.Err)
		}
		all = append(all, Object{Key: strings.TrimPrefix(o.Key, b.prefix), Modified: o.LastModified})
	}
	return all, nil
}

// Put sends an MD5 along, which every service compares; newer checksums not all of
// them know.
func (b *s3Bucket) Put(ctx context.Context, key, path string) error {
	_, err := b.client.FPutObject(ctx, b.bucket, b.prefix+key, path, minio.PutObjectOptions{ContentType: "application/octet-stream", SendContentMd5: true})
	return b.failed("writing "+key, err)
}

func (b *s3Bucket) Get(ctx context.Context, key string, to io.Writer) error {
	object, err := b.client.GetObject(ctx, b.bucket, b.prefix+key, minio.GetObjectOptions{})
	if err == nil {
		_, err = io.Copy(to, object)
		_ = object.Close()
	}
	return b.failed("reading "+key, err)
}

func (b *s3Bucket) Remove(ctx context.Context, key string) error {
	return b.failed("removing "+key, b.client.RemoveObject(ctx, b.bucket, b.prefix+key, minio.RemoveObjectOptions{}))
}

// failed names what was tried. A service's answer may repeat what it was sent: keys
// are taken out.
func (b *s3Bucket) failed(doing string, err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	for _, secret := range b.secrets {
		text = strings.ReplaceAll(text, secret, "…")
	}
	return fmt.Errorf("%s in %s: %s", doing, b, text)
}
