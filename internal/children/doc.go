// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

// Package children makes the objects of the cluster be as the operator built
// them, whatever others did to them.
//
//	desired ─┐             replaced, in a dry run      ┌─► nothing
//	         ├─► want ──► ─────────────────────────► difference ─► write
//	live ────┘  + what is rightly Kubernetes'          └─► tell
//
// What an object should be is not guessed from who owns which field:
// metadata.managedFields is writable by whoever may write the object. One entry
// taken out of it and what that writer added is nobody's, and no server-side
// apply removes it. Instead the API server itself is asked what the object
// would be if it were replaced by the desired one, with all its defaults and
// its admission plugins: a PUT as a dry run. Whatever of the live object is not
// so is a difference, and the same PUT, with the resource version of what was
// looked at, mends it all at once or not at all. The field managers only serve
// to say who it was.
//
// What Kubernetes itself rightly writes is carried over from the live object
// before; rightful.go has the list, as paths and never as names of writers,
// since anyone can call himself kube-controller-manager.
//
// Where repairs are off, a change of our own is applied (server-side apply, by
// the one field owner, with force): what others added stays and is told.
//
// It needs get, create, update, patch and delete of the kinds, and list and watch
// where the client's reads are cached. A dry run needs the same rights.
package children
