// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package publication

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"syscall"

	"github.com/xormsdhkdwk/multinic/internal/store"
)

// UnavailableError says that the database can't be used now. Its text goes into
// statuses: it stays the same for as long as the trouble does, and names no
// address of a connection. The log has the details.
type UnavailableError struct{ Cause error }

func (e *UnavailableError) Error() string {
	return "the database is unavailable: " + summary(e.Cause)
}
func (e *UnavailableError) Unwrap() error { return e.Cause }

var errStarting = errors.New("not connected yet")

// troubles are the errors that are told apart: one that gives way to another
// is news, the same in other words is not.
var troubles = []error{
	errStarting, store.ErrDeposed, store.ErrReplaced, store.ErrForeignOwner, store.ErrNewerSchema, store.ErrLoading,
	store.ErrForeignTables, store.ErrReadOnly, store.ErrFull, store.ErrCredentials, store.ErrUncertain, store.ErrUnavailable,
}

var errOther = errors.New("other trouble")

// troubleOf is the error's class, nil for none.
func troubleOf(err error) error {
	if err == nil {
		return nil
	}
	for _, class := range troubles {
		if errors.Is(err, class) {
			return class
		}
	}
	return errOther
}

// oneOf says that the error's class is one of these.
func oneOf(err error, classes ...error) bool {
	return slices.Contains(classes, troubleOf(err))
}

// lost says that the leader is none any more: the lead is to be taken anew, or,
// where another took it, left to that one.
func lost(err error) bool {
	return oneOf(err, store.ErrDeposed, store.ErrReplaced, store.ErrForeignOwner)
}

// unusable says that the trouble is the database's and not the data's.
func unusable(err error) bool {
	return oneOf(err, store.ErrUnavailable, store.ErrUncertain, store.ErrReadOnly, store.ErrFull, store.ErrCredentials)
}

// writesFail says that the database may answer reads all the same: these say
// nothing of whether the trouble has passed.
func writesFail(err error) bool { return oneOf(err, store.ErrReadOnly, store.ErrFull) }

// summary is what a person needs to know of the error.
func summary(err error) string {
	class := troubleOf(err)
	if !unusable(err) && !oneOf(err, store.ErrDeposed, store.ErrReplaced) {
		return err.Error() // these name no connection, and what to do about it
	}
	var detail string
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		detail = fmt.Sprintf(": the name %q can't be resolved", dns.Name)
	} else if errno, ok := errors.AsType[syscall.Errno](err); ok {
		detail = ": " + errno.Error()
	} else if netErr, ok := errors.AsType[net.Error](err); ok && netErr.Timeout() {
		detail = ": no answer in time"
	}
	return class.Error() + detail
}

// judge takes note of what an error of leader says of the database, and returns
// it. wrote says that rows were written, or could have been. Every change is
// told to the log and to all objects, whose conditions tell of it.
func (p *Publication) judge(ctx context.Context, leader *store.Leader, err error, wrote bool) error {
	if ctx.Err() != nil {
		return err
	}
	before, after, changed := p.note(leader, err, wrote)
	if !changed {
		if err != nil {
			p.Log.V(1).Info("The database can't be used", "error", err.Error())
		}
		return err
	}
	switch {
	case after == nil:
		p.Log.Info("The database is back", "after", troubleOf(before).Error())
	case errors.Is(after, store.ErrDeposed):
		p.Log.Info("The database has a newer writer", "reason", err.Error())
		p.Kick()
		return err // the other one writes the conditions
	case lost(after):
		p.Log.Info("The database is no longer the one that was led: taking the lead anew", "reason", err.Error())
		p.Kick()
	default:
		p.Log.Error(err, "The database can't be used")
	}
	p.Wake(nil)
	return err
}

// note changes the state as judge says; changed is false where nothing is new.
// What a leader found out that is none any more, is old.
func (p *Publication) note(leader *store.Leader, err error, wrote bool) (before, after error, changed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.leader != leader {
		return nil, nil, false
	}
	before = p.err
	switch {
	case lost(err):
		if led := leader.Mark(); led.After(p.led) {
			p.led = led
		}
		p.leader, p.err = nil, err
		return before, err, true
	case err == nil && before != nil && (wrote || !writesFail(before)):
		p.err = nil
		return before, nil, true
	case unusable(err) && troubleOf(before) != troubleOf(err): //nolint:errorlint // classes are values
		p.err, p.probed = err, p.Clock.Now()
		return before, err, true
	}
	return before, before, false
}
