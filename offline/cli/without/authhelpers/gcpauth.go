// Package authhelpers without Google Cloud.
package authhelpers

import (
	"context"
	"errors"

	"gocloud.dev/blob"
	"golang.org/x/oauth2/google"
)

var errLeftOut = errors.New("state in gs:// and secrets with gcpkms:// are not in the offline kit's CLI (offline/README.md): " +
	"take s3://, azblob://, awskms:// or azurekeyvault://, or install Pulumi's own CLI")

// ResolveGoogleCredentials always fails.
func ResolveGoogleCredentials(context.Context, string) (*google.Credentials, error) {
	return nil, errLeftOut
}

// GoogleCredentialsMux always fails.
func GoogleCredentialsMux(context.Context) (*blob.URLMux, error) {
	return nil, errLeftOut
}
