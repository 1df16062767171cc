// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/xormsdhkdwk/multinic/internal/backup"
)

func backupCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "backup",
		Short: "Keep, fetch and list dumps of the database (run by the operator's Jobs)",
	}
	cmd.AddCommand(keepCommand(), fetchCommand(), listCommand())
	return cmd
}

const bucketHelp = `

The key to the bucket is in the environment: ` + backup.AccessKeyEnv + ` and ` + backup.SecretKeyEnv + `.`

func keepCommand() *cobra.Command {
	options := backup.KeepOptions{Now: time.Now}
	var bucket backup.S3Options
	var result string
	cmd := &cobra.Command{
		Use:   "keep",
		Short: "Make a dump a backup: verify it, name it, prune older ones, copy it to a bucket",
		Long: `Make a dump a backup: verify it, name it, prune older ones, copy it to a bucket.

A backup that is kept is a success, whatever comes after it: what fails then is said on
the standard error and in the result, beside the backup's name.` + bucketHelp,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			options.Bucket, options.BucketError = bucket.Open(os.Getenv)
			r, err := backup.Keep(cmd.Context(), options)
			if err != nil {
				return finish(r, err, result)
			}
			_, _ = fmt.Fprintf(cmd.OutOrStdout(), "kept backup %s in %s: %d bytes\n", r.Name, options.Dir, r.Bytes)
			warn(cmd, r)
			if r.Error != "" {
				_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "backup %s is kept in %s, but %s\n", r.Name, options.Dir, r.Error)
			}
			if err := r.Write(result); err != nil {
				_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "backup %s is kept in %s, but %v\n", r.Name, options.Dir, err)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&options.Dir, "dir", "/backup", "the folder of backups")
	f.StringVar(&options.File, "file", "", "the dump, on the same volume; it is moved")
	f.StringVar(&options.Reason, "reason", backup.Scheduled, "what the backup is made for: lower-case letters, digits and dashes")
	f.IntVar(&options.Keep, "keep", 7, "how many backups stay: so many scheduled ones, and so many others")
	bucketFlags(f, &bucket)
	f.StringVar(&result, "result", backup.DefaultResult, "where the result is written as JSON")
	_ = cmd.MarkFlagRequired("file")
	return cmd
}

func fetchCommand() *cobra.Command {
	options := backup.FetchOptions{Now: time.Now}
	var bucket backup.S3Options
	var result string
	cmd := &cobra.Command{
		Use:   "fetch",
		Short: "Copy a backup out of the folder, or else of the bucket, if it is what its manifest says",
		Long:  "Copy a backup out of the folder, or else of the bucket, if it is what its manifest says." + bucketHelp,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var r backup.Result
			var err error
			if options.Bucket, err = bucket.Open(os.Getenv); err == nil {
				r, err = backup.Fetch(cmd.Context(), options)
			}
			if err == nil {
				_, _ = fmt.Fprintf(cmd.OutOrStdout(), "fetched backup %s to %s: %d bytes\n", r.Name, options.To, r.Bytes)
				warn(cmd, r)
			}
			return finish(r, err, result)
		},
	}
	f := cmd.Flags()
	f.StringVar(&options.Dir, "dir", "/backup", "the folder of backups")
	f.StringVar(&options.Name, "name", backup.Latest, "the backup's name, or latest")
	f.StringVar(&options.To, "to", "", "the file to be written; "+backup.RowsSuffix+" beside it tells its rows")
	bucketFlags(f, &bucket)
	f.StringVar(&result, "result", backup.DefaultResult, "where the result is written as JSON")
	_ = cmd.MarkFlagRequired("to")
	return cmd
}

func listCommand() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the whole backups of a folder, the newest first",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			whole, broken, err := backup.List(dir)
			if err != nil {
				return err
			}
			table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			_, _ = fmt.Fprintln(table, "NAME\tCREATED\tBYTES\tSHA256")
			for _, m := range whole {
				_, _ = fmt.Fprintf(table, "%s\t%s\t%d\t%s\n", m.Name, m.CreatedAt.Format(time.RFC3339), m.Bytes, m.SHA256)
			}
			for _, name := range slices.Sorted(maps.Keys(broken)) {
				_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "not whole: %s: %v\n", name, broken[name])
			}
			return table.Flush()
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "/backup", "the folder of backups")
	return cmd
}

func bucketFlags(f *pflag.FlagSet, o *backup.S3Options) {
	f.StringVar(&o.Endpoint, "s3-endpoint", "", "URL of an S3-compatible service")
	f.StringVar(&o.Bucket, "s3-bucket", "", "bucket for copies; empty: no copies")
	f.StringVar(&o.Prefix, "s3-prefix", "", "put before the names in the bucket")
	f.StringVar(&o.Region, "s3-region", "", "the bucket's region; empty: asked for")
	f.StringVar(&o.CAFile, "s3-ca-file", "", "PEM file with the authorities to trust instead of the system's")
}

func warn(cmd *cobra.Command, r backup.Result) {
	if r.Warning != "" {
		_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "warning: %s\n", r.Warning)
	}
}

// finish writes the result, of a failure also.
func finish(r backup.Result, err error, path string) error {
	if err != nil {
		r.Error = err.Error()
	}
	return errors.Join(err, r.Write(path))
}
