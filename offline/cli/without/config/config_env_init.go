package config

import (
	"errors"

	"github.com/spf13/cobra"
)

// newConfigEnvInitCmd returns a command that says where to get `pulumi config env init`: environments are a part of Pulumi Cloud.
func newConfigEnvInitCmd(*configEnvCmd) *cobra.Command {
	return &cobra.Command{
		Use:                "init",
		Short:              "Not in the offline kit's CLI",
		Hidden:             true,
		DisableFlagParsing: true,
		RunE: func(*cobra.Command, []string) error {
			return errors.New("`pulumi config env init` is not in the offline kit's CLI (offline/README.md): install Pulumi's own")
		},
	}
}
