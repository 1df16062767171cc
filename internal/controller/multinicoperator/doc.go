// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

// Package multinicoperator makes a namespace hold the MultiNic that its
// MultiNicOperator asks for: MariaDB, the controller, the backups.
//
// A run goes through its steps in order, always from the start: what is done is
// found done. Of the steps some wait, and a later one then sees the system as it
// is; nothing is remembered between runs but what may be lost.
//
//	elect        one MultiNicOperator of a namespace is active
//	understand   defaults, and what of the spec can't or must not be carried out
//	credentials  Secrets, certificate, rotation
//	database     StatefulSet, volume, upgrade
//	accounts     what MariaDB knows of users
//	restore      a dump, where one is asked for
//	move         rows between the internal server and an external one
//	controller   the Deployment and its rights
//	backup       the CronJob, dumps that are asked for
//	assess       conditions, phase, status
//
// What a data volume has been through is written at its claim, since the claim
// lives as long as the data: the image that it was last run with, the dump that
// was restored into it, and that its rows have moved elsewhere.
package multinicoperator
