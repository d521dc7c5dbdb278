// Package gcsblob without its driver. The CLI asks for Google's credentials first, and is refused.
package gcsblob

import (
	"context"
	"errors"
	"net/url"

	"gocloud.dev/blob"
)

// Scheme of URLs for which the CLI asks for Google's credentials.
const Scheme = "gs"

type opener struct{}

func (opener) OpenBucketURL(context.Context, *url.URL) (*blob.Bucket, error) {
	return nil, errors.New("gs:// is not in the offline kit's CLI")
}

// Otherwise the CLI would take the URL for one of Pulumi Cloud, and ask for its token.
func init() { blob.DefaultURLMux().RegisterBucket(Scheme, opener{}) }
