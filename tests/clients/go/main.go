// Asks a stock OpenFeature provider of Go what a line of JSON asks, and answers with a line of JSON.
//
//	ask-go ofrep|rpc|in-process http://127.0.0.1:8013
//
// A question: {"type": "boolean", "key": "dreams", "default": false, "context": {"targetingKey": "ana"}}.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"strconv"

	flagd "github.com/open-feature/go-sdk-contrib/providers/flagd/pkg"
	"github.com/open-feature/go-sdk-contrib/providers/ofrep"
	"github.com/open-feature/go-sdk/openfeature"
)

type question struct {
	Type    string         `json:"type"`
	Key     string         `json:"key"`
	Default any            `json:"default"`
	Context map[string]any `json:"context"`
}

type answer struct {
	Value   any     `json:"value"`
	Variant *string `json:"variant"`
	Reason  string  `json:"reason"`
	Error   *string `json:"error"`
}

func provider(kind, server string) (openfeature.FeatureProvider, error) {
	where, err := url.Parse(server)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(where.Port(), 10, 16)
	if err != nil {
		return nil, err
	}
	host, at := flagd.WithHost(where.Hostname()), flagd.WithPort(uint16(port))
	switch kind {
	case "ofrep":
		return ofrep.NewProvider(server), nil
	case "rpc":
		return flagd.NewProvider(host, at)
	case "in-process":
		return flagd.NewProvider(flagd.WithInProcessResolver(), host, at)
	}
	return nil, fmt.Errorf("no provider is called %s", kind)
}

func number(value any) float64 {
	number, _ := value.(float64)
	return number
}

func ask(client *openfeature.Client, asked question) answer {
	attributes := map[string]any{}
	key := ""
	for name, value := range asked.Context {
		if text, ok := value.(string); ok && name == "targetingKey" {
			key = text
			continue
		}
		attributes[name] = value
	}
	subject := openfeature.NewEvaluationContext(key, attributes)
	background := context.Background()
	var value any
	var details openfeature.EvaluationDetails
	switch asked.Type {
	case "boolean":
		found, _ := client.BooleanValueDetails(background, asked.Key, asked.Default == true, subject)
		value, details = found.Value, found.EvaluationDetails
	case "string":
		text, _ := asked.Default.(string)
		found, _ := client.StringValueDetails(background, asked.Key, text, subject)
		value, details = found.Value, found.EvaluationDetails
	case "integer":
		found, _ := client.IntValueDetails(background, asked.Key, int64(number(asked.Default)), subject)
		value, details = found.Value, found.EvaluationDetails
	case "float":
		found, _ := client.FloatValueDetails(background, asked.Key, number(asked.Default), subject)
		value, details = found.Value, found.EvaluationDetails
	case "object":
		found, _ := client.ObjectValueDetails(background, asked.Key, asked.Default, subject)
		value, details = found.Value, found.EvaluationDetails
	}
	answered := answer{Value: value, Reason: string(details.Reason)}
	if details.Variant != "" {
		answered.Variant = &details.Variant
	}
	if code := string(details.ErrorCode); code != "" {
		answered.Error = &code
	}
	return answered
}

func run() error {
	chosen, err := provider(os.Args[1], os.Args[2])
	if err != nil {
		return err
	}
	if err := openfeature.SetProviderAndWait(chosen); err != nil {
		return err
	}
	client := openfeature.NewClient("ask")
	out := json.NewEncoder(os.Stdout)
	if err := out.Encode(map[string]bool{"ready": true}); err != nil {
		return err
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var asked question
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			return err
		}
		if err := out.Encode(ask(client, asked)); err != nil {
			return err
		}
	}
	return lines.Err()
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
