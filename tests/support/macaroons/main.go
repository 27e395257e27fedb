// SPDX-License-Identifier: Apache-2.0

// Command macaroons is macaroon.v2 beside our own chain: "verify" judges lines of JSON, a verdict for
// each format; "make SEED COUNT" makes such lines.
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand"
	"os"
	"strconv"
	"strings"

	macaroon "gopkg.in/macaroon.v2"
)

type row struct {
	Key        string          `json:"key"`
	Good       bool            `json:"good"`
	Conditions int             `json:"conditions"`
	Texts      []string        `json:"texts,omitempty"`
	V1         string          `json:"v1,omitempty"`
	V2         string          `json:"v2,omitempty"`
	JSON       json.RawMessage `json:"json,omitempty"`
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func binary(texts ...string) (macaroon.Slice, error) {
	var data []byte
	for _, text := range texts {
		part, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil {
			return nil, err
		}
		data = append(data, part...)
	}
	var slice macaroon.Slice
	err := slice.UnmarshalBinary(data)
	return slice, err
}

func fromJSON(text []byte) (macaroon.Slice, error) {
	var slice macaroon.Slice
	if len(text) > 0 && text[0] == '{' {
		text = []byte("[" + string(text) + "]")
	}
	err := json.Unmarshal(text, &slice)
	return slice, err
}

func verdict(slice macaroon.Slice, err error, key []byte) string {
	if err != nil {
		return "unreadable " + err.Error()
	}
	conditions := 0
	err = slice[0].Verify(key, func(string) error { conditions++; return nil }, slice[1:])
	if err != nil {
		return "no " + err.Error()
	}
	return fmt.Sprintf("yes %d", conditions)
}

func verify() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		var r row
		must(json.Unmarshal(in.Bytes(), &r))
		key, err := hex.DecodeString(r.Key)
		must(err)
		v1, err1 := binary(strings.Split(r.V1, " ")...)
		v2, err2 := binary(r.V2)
		js, err3 := fromJSON(r.JSON)
		out, err := json.Marshal(map[string]string{"v1": verdict(v1, err1, key), "v2": verdict(v2, err2, key),
			"json": verdict(js, err3, key)})
		must(err)
		fmt.Println(string(out))
	}
}

func makeOne(rng *rand.Rand) {
	words := func() []byte {
		text := make([]byte, 1+rng.Intn(40))
		for i := range text {
			text[i] = byte(32 + rng.Intn(95))
		}
		return text
	}
	key := make([]byte, 32)
	rng.Read(key)
	version := macaroon.V1
	if rng.Intn(2) == 0 {
		version = macaroon.V2
	}
	root, err := macaroon.New(key, []byte(fmt.Sprintf("identifier %d", rng.Int())), "https://a.example", version)
	must(err)
	r := row{Key: hex.EncodeToString(key), Good: rng.Intn(10) < 7}
	var discharges macaroon.Slice
	for n := rng.Intn(5); n > 0; n-- {
		if rng.Intn(3) > 0 {
			must(root.AddFirstPartyCaveat(words()))
			r.Conditions++
			continue
		}
		secret, ticket := words(), []byte(fmt.Sprintf("ticket %d", rng.Int()))
		must(root.AddThirdPartyCaveat(secret, ticket, "https://d.example"))
		discharge, err := macaroon.New(secret, ticket, "https://d.example", version)
		must(err)
		for k := rng.Intn(3); k > 0; k-- {
			must(discharge.AddFirstPartyCaveat(words()))
			r.Conditions++
		}
		discharges = append(discharges, discharge)
	}
	for _, d := range discharges {
		d.Bind(root.Signature())
	}
	whole := append(macaroon.Slice{root}, discharges...)
	var binaries [][]byte
	for _, m := range whole {
		data, err := m.MarshalBinary()
		must(err)
		binaries = append(binaries, data)
	}
	if !r.Good { // V1 ends its signature with a newline, V2 with its last byte
		data := binaries[rng.Intn(len(binaries))]
		data[len(data)-2-rng.Intn(30)] ^= 1 << uint(rng.Intn(8))
	}
	if version == macaroon.V1 {
		var texts []string
		for _, data := range binaries {
			texts = append(texts, base64.RawURLEncoding.EncodeToString(data))
		}
		r.Texts = []string{strings.Join(texts, " ")}
	} else {
		var all []byte
		for _, data := range binaries {
			all = append(all, data...)
		}
		r.Texts = []string{base64.RawURLEncoding.EncodeToString(all)}
		if r.Good {
			text, err := json.Marshal(whole)
			must(err)
			r.Texts = append(r.Texts, string(text))
		}
	}
	out, err := json.Marshal(r)
	must(err)
	fmt.Println(string(out))
}

func main() {
	if len(os.Args) == 4 && os.Args[1] == "make" {
		seed, err := strconv.ParseInt(os.Args[2], 10, 64)
		must(err)
		count, err := strconv.Atoi(os.Args[3])
		must(err)
		rng := rand.New(rand.NewSource(seed))
		for ; count > 0; count-- {
			makeOne(rng)
		}
		return
	}
	verify()
}
