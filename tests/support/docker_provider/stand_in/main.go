// A stand-in for the Docker provider of Terraform: it has the schema of schema.json, and only notes what it is asked to do.
// Terraform itself then validates, plans and applies our files, in order, without an engine and without the real provider.
//
// From the environment: STAND_IN_SCHEMA (the extract), STAND_IN_JOURNAL (a line for what begins and what ends),
// STAND_IN_FAILS (the name of a container that ends with 1).
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-go/tfprotov5/tf5server"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

type block struct {
	Attributes map[string]struct {
		Type     string
		Required bool
	}
	Blocks map[string]struct {
		Several bool
		block
	}
	Computed []string
}

type extract struct {
	Provider  block
	Resources map[string]block
}

var types = map[string]tftypes.Type{
	"string": tftypes.String,
	"number": tftypes.Number,
	"bool":   tftypes.Bool,
	"list":   tftypes.Set{ElementType: tftypes.String},
	"map":    tftypes.Map{ElementType: tftypes.String},
}

// What the extract does not say: how a command is ordered, and what is read of a resource.
var known = map[string]tftypes.Type{
	"command":    tftypes.List{ElementType: tftypes.String},
	"entrypoint": tftypes.List{ElementType: tftypes.String},
	"test":       tftypes.List{ElementType: tftypes.String},
	"exit_code":  tftypes.Number,
}

func typeOf(name, kind string) tftypes.Type {
	if t, found := known[name]; found {
		return t
	}
	return types[kind]
}

func schemaOf(b block) *tfprotov5.SchemaBlock {
	out := &tfprotov5.SchemaBlock{}
	for name, a := range b.Attributes {
		out.Attributes = append(out.Attributes, &tfprotov5.SchemaAttribute{
			Name: name, Type: typeOf(name, a.Type), Required: a.Required, Optional: !a.Required, Computed: name == "id" && !a.Required,
		})
	}
	for _, name := range b.Computed {
		out.Attributes = append(out.Attributes, &tfprotov5.SchemaAttribute{
			Name: name, Type: typeOf(name, "string"), Computed: true,
		})
	}
	for name, nested := range b.Blocks {
		mode, most := tfprotov5.SchemaNestedBlockNestingModeList, int64(0)
		if !nested.Several {
			most = 1
		}
		out.BlockTypes = append(out.BlockTypes, &tfprotov5.SchemaNestedBlock{
			TypeName: name, Nesting: mode, MaxItems: most, Block: schemaOf(nested.block),
		})
	}
	return out
}

type provider struct {
	tfprotov5.ProviderServer // what is not written below is never asked
	schema                   *tfprotov5.GetProviderSchemaResponse
}

func (p *provider) typeOf(resource string) tftypes.Object {
	return p.schema.ResourceSchemas[resource].ValueType().(tftypes.Object)
}

func (p *provider) object(resource string, value *tfprotov5.DynamicValue) (map[string]tftypes.Value, error) {
	whole, err := value.Unmarshal(p.typeOf(resource))
	if err != nil || whole.IsNull() {
		return nil, err
	}
	fields := map[string]tftypes.Value{}
	return fields, whole.As(&fields)
}

func (p *provider) dynamic(resource string, fields map[string]tftypes.Value) (*tfprotov5.DynamicValue, error) {
	kind := p.typeOf(resource)
	value, err := tfprotov5.NewDynamicValue(kind, tftypes.NewValue(kind, fields))
	return &value, err
}

func (p *provider) computed(resource string) []*tfprotov5.SchemaAttribute {
	var out []*tfprotov5.SchemaAttribute
	for _, attribute := range p.schema.ResourceSchemas[resource].Block.Attributes {
		if attribute.Computed {
			out = append(out, attribute)
		}
	}
	return out
}

// PlanResourceChange takes what is asked for; what only the engine knows is unknown until then. Any change replaces.
func (p *provider) PlanResourceChange(_ context.Context, ask *tfprotov5.PlanResourceChangeRequest) (*tfprotov5.PlanResourceChangeResponse, error) {
	prior, err := p.object(ask.TypeName, ask.PriorState)
	if err != nil {
		return nil, err
	}
	proposed, err := p.object(ask.TypeName, ask.ProposedNewState)
	if err != nil {
		return nil, err
	}
	if proposed == nil {
		return &tfprotov5.PlanResourceChangeResponse{PlannedState: ask.ProposedNewState}, nil
	}
	answer := &tfprotov5.PlanResourceChangeResponse{}
	if prior == nil {
		for _, attribute := range p.computed(ask.TypeName) {
			proposed[attribute.Name] = tftypes.NewValue(attribute.Type, tftypes.UnknownValue)
		}
	}
	for name, value := range prior {
		if !value.Equal(proposed[name]) {
			answer.RequiresReplace = append(answer.RequiresReplace, tftypes.NewAttributePath().WithAttributeName(name))
		}
	}
	answer.PlannedState, err = p.dynamic(ask.TypeName, proposed)
	return answer, err
}

// ApplyResourceChange notes when it begins and when it ends.
func (p *provider) ApplyResourceChange(_ context.Context, ask *tfprotov5.ApplyResourceChangeRequest) (*tfprotov5.ApplyResourceChangeResponse, error) {
	planned, err := p.object(ask.TypeName, ask.PlannedState)
	if err != nil {
		return nil, err
	}
	if planned == nil {
		prior, err := p.object(ask.TypeName, ask.PriorState)
		if err != nil {
			return nil, err
		}
		return &tfprotov5.ApplyResourceChangeResponse{NewState: ask.PlannedState}, note("deleted", ask.TypeName, text(prior["name"]))
	}
	name := text(planned["name"])
	if err := note("begins", ask.TypeName, name); err != nil {
		return nil, err
	}
	time.Sleep(20 * time.Millisecond)
	for _, attribute := range p.computed(ask.TypeName) {
		if !planned[attribute.Name].IsKnown() {
			planned[attribute.Name] = told(attribute, name)
		}
	}
	state, err := p.dynamic(ask.TypeName, planned)
	if err != nil {
		return nil, err
	}
	return &tfprotov5.ApplyResourceChangeResponse{NewState: state}, note("ends", ask.TypeName, name)
}

func told(attribute *tfprotov5.SchemaAttribute, name string) tftypes.Value {
	if attribute.Name != "exit_code" {
		return tftypes.NewValue(attribute.Type, attribute.Name+" of "+name)
	}
	if name == os.Getenv("STAND_IN_FAILS") {
		return tftypes.NewValue(attribute.Type, 1)
	}
	return tftypes.NewValue(attribute.Type, 0)
}

func text(value tftypes.Value) string {
	var out string
	_ = value.As(&out)
	return out
}

func note(what, resource, name string) error {
	journal, err := os.OpenFile(os.Getenv("STAND_IN_JOURNAL"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer journal.Close()
	_, err = fmt.Fprintf(journal, "%s %s %s\n", what, resource, name)
	return err
}

// The rest says yes.

func (p *provider) GetMetadata(context.Context, *tfprotov5.GetMetadataRequest) (*tfprotov5.GetMetadataResponse, error) {
	out := &tfprotov5.GetMetadataResponse{ServerCapabilities: &tfprotov5.ServerCapabilities{}}
	for name := range p.schema.ResourceSchemas {
		out.Resources = append(out.Resources, tfprotov5.ResourceMetadata{TypeName: name})
	}
	return out, nil
}

func (p *provider) GetProviderSchema(context.Context, *tfprotov5.GetProviderSchemaRequest) (*tfprotov5.GetProviderSchemaResponse, error) {
	return p.schema, nil
}

func (p *provider) PrepareProviderConfig(_ context.Context, ask *tfprotov5.PrepareProviderConfigRequest) (*tfprotov5.PrepareProviderConfigResponse, error) {
	return &tfprotov5.PrepareProviderConfigResponse{PreparedConfig: ask.Config}, nil
}

func (p *provider) ConfigureProvider(context.Context, *tfprotov5.ConfigureProviderRequest) (*tfprotov5.ConfigureProviderResponse, error) {
	return &tfprotov5.ConfigureProviderResponse{}, nil
}

func (p *provider) ValidateResourceTypeConfig(context.Context, *tfprotov5.ValidateResourceTypeConfigRequest) (*tfprotov5.ValidateResourceTypeConfigResponse, error) {
	return &tfprotov5.ValidateResourceTypeConfigResponse{}, nil
}

func (p *provider) UpgradeResourceState(_ context.Context, ask *tfprotov5.UpgradeResourceStateRequest) (*tfprotov5.UpgradeResourceStateResponse, error) {
	kind := p.typeOf(ask.TypeName)
	value, err := ask.RawState.Unmarshal(kind)
	if err != nil {
		return nil, err
	}
	state, err := tfprotov5.NewDynamicValue(kind, value)
	return &tfprotov5.UpgradeResourceStateResponse{UpgradedState: &state}, err
}

func (p *provider) ReadResource(_ context.Context, ask *tfprotov5.ReadResourceRequest) (*tfprotov5.ReadResourceResponse, error) {
	return &tfprotov5.ReadResourceResponse{NewState: ask.CurrentState}, nil
}

func main() {
	content, err := os.ReadFile(os.Getenv("STAND_IN_SCHEMA"))
	var facts extract
	if err == nil {
		err = json.Unmarshal(content, &facts)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "STAND_IN_SCHEMA:", err)
		os.Exit(1)
	}
	schema := &tfprotov5.GetProviderSchemaResponse{
		Provider:        &tfprotov5.Schema{Block: schemaOf(facts.Provider)},
		ResourceSchemas: map[string]*tfprotov5.Schema{},
	}
	for name, resource := range facts.Resources {
		schema.ResourceSchemas[name] = &tfprotov5.Schema{Version: 0, Block: schemaOf(resource)}
	}
	_ = tf5server.Serve("docker", func() tfprotov5.ProviderServer { return &provider{schema: schema} })
}
