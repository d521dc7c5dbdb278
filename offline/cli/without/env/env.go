// Package env without Pulumi ESC, which only Pulumi Cloud has.
package env

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/pulumi/pulumi/pkg/v3/auth/credentialhelper"
)

// NewEnvCmd returns a command that says where to get `pulumi env`.
func NewEnvCmd(*credentialhelper.Session) *cobra.Command {
	return &cobra.Command{
		Use:                "env",
		Aliases:            []string{"esc"},
		Short:              "Not in the offline kit's CLI",
		Hidden:             true,
		DisableFlagParsing: true,
		RunE: func(*cobra.Command, []string) error {
			return errors.New("`pulumi env` is not in the offline kit's CLI (offline/README.md): install Pulumi's own")
		},
	}
}
