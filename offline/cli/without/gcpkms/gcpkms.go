// Package gcpkms without its driver. The CLI asks for Google's credentials first, and is refused.
package gcpkms

import (
	"context"
	"errors"
	"net/url"

	"gocloud.dev/secrets"
	"golang.org/x/oauth2"
)

// Scheme of URLs for which the CLI asks for Google's credentials.
const Scheme = "gcpkms"

var errLeftOut = errors.New("gcpkms:// is not in the offline kit's CLI")

// Client stands for a connection that never comes about.
type Client struct{}

// URLOpener opens nothing.
type URLOpener struct {
	Client *Client
}

// Dial always fails.
func Dial(context.Context, oauth2.TokenSource) (*Client, func(), error) {
	return nil, nil, errLeftOut
}

// OpenKeeperURL always fails.
func (*URLOpener) OpenKeeperURL(context.Context, *url.URL) (*secrets.Keeper, error) {
	return nil, errLeftOut
}
