// SPDX-License-Identifier: Apache-2.0

// attenuate TOKEN CAVEAT... : a narrower token, by gopkg.in/macaroon.v2 (Debian:
// golang-gopkg-macaroon.v2-dev).
package main

import (
	"encoding/base64"
	"fmt"
	"os"
	"strings"

	macaroon "gopkg.in/macaroon.v2"
)

// "kh1_" and base64url of the binary form of version 2: the token, then its discharges, which is a
// Slice. Caveats go to the first.
func attenuate(token string, caveats ...string) (string, error) {
	start := strings.Index(token, "kh1_") + len("kh1_")
	data, err := base64.RawURLEncoding.DecodeString(token[start:])
	var all macaroon.Slice
	if err == nil {
		err = all.UnmarshalBinary(data)
	}
	for _, caveat := range caveats {
		if err == nil {
			err = all[0].AddFirstPartyCaveat([]byte(caveat))
		}
	}
	if err == nil {
		data, err = all.MarshalBinary()
	}
	return token[:start] + base64.RawURLEncoding.EncodeToString(data), err
}

func main() {
	narrow, err := attenuate(os.Args[1], os.Args[2:]...)
	if err != nil {
		fmt.Fprintln(os.Stderr, "attenuate:", err)
		os.Exit(1)
	}
	fmt.Println(narrow)
}
