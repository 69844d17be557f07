#include "compiler/verify/rule_table.h"

#include <algorithm>
#include <cassert>
#include <cctype>
#include <string>

namespace airtight::verify {
namespace {

constexpr RuleInfo kTable[] = {
    {Rule::NotSealed, "AT-V001", "NotSealed", "way out to the outside",
     "The layer lets at least one packet go to an address that is not inside the boundary. The counterexample is the "
     "smallest such packet, the extent is the whole set around it, and the cause is the rule that lets it through or "
     "the one that is missing. Most often a peer list is absent or empty, which means everything, or a block of one "
     "family was closed and the other forgotten. Narrow the rule to inside addresses, or declare the destination as an "
     "endpoint or, with a ticket and an end, as an exception.",
     "error"},
    {Rule::OpenFromOutside, "AT-V002", "OpenFromOutside", "connection from the outside",
     "An outside address may open a connection to this workload. Replies of an open connection leave by the same way, "
     "so whoever can connect can also carry data out, and no egress rule shows it. Close ingress for outside sources, "
     "or let clients come in over a declared endpoint with `role: client`.",
     "error"},
    {Rule::Incomplete, "AT-V003", "Incomplete", "declared flow that is not allowed",
     "The spec declares a flow that these artifacts do not let pass. Nothing leaks, but something will not work once "
     "they are enforced, and the usual first aid, a wide allow rule, is how a seal is lost. Compile the spec again, or "
     "add the missing rule; both ends must agree, egress at the source and ingress at the destination.",
     "error"},
    {Rule::Excess, "AT-V004", "Excess", "permission that nobody declared",
     "The layer allows traffic inside the boundary that no flow of the spec declares. It is no way out by itself, but "
     "each undeclared connection is one more hop for somebody who looks for one, and the spec no longer describes what "
     "runs. Remove the rule, or declare the flow and say why it is needed.",
     "warning"},
    {Rule::ExpiredException, "AT-V005", "ExpiredException", "expired exception that is still open",
     "A rule lets traffic out that an exception once allowed, and the exception's last day has passed. An approval "
     "that outlives its end is a hole that nobody signed for. Compile the spec again, which drops what has expired, or "
     "have the exception renewed under a ticket.",
     "error"},
    {Rule::HeldByNoLayer, "AT-V006", "HeldByNoLayer", "traffic that no layer holds",
     "Each layer has its scope: network policies hold TCP, UDP and SCTP of pods with a network of their own, the "
     "firewall what leaves a node. Here is a sender, a protocol and an outside destination that no given layer both "
     "has in its scope and stops. Close it in one of the layers named, or give the artifacts of the layer that does it "
     "as input too.",
     "error"},
    {Rule::ReachesPodsByIpBlock, "AT-V007", "ReachesPodsByIpBlock", "flow between pods that rests on ipBlock",
     "A declared flow between pods is allowed only because an ipBlock happens to cover the pod's address. The API "
     "leaves open whether a block means pods at all, and several network plugins never match pods by it, so the flow "
     "may be dead in one cluster and alive in another. Select the pods by namespace and label.",
     "warning"},
    {Rule::NothingJudged, "AT-V008", "NothingJudged", "nothing to judge",
     "No workload was found and no spec was given, or nothing in the input was recognised as an artifact. A seal over "
     "nothing proves nothing, so the verdict is inconclusive. Check the paths, render the chart first, or give "
     "`--spec`, which brings the workloads that it declares.",
     "error"},

    {Rule::HostNetwork, "AT-V101", "HostNetwork", "pod in the node's network",
     "A pod with `hostNetwork: true` sends from the node's own address, and no network policy of the cluster applies "
     "to it. Only the firewall of the node can hold it. Give the pod a network of its own, or declare it with "
     "`host: true` and deploy the firewall layer.",
     "error"},
    {Rule::UndoesIsolation, "AT-V102", "UndoesIsolation", "setting that undoes isolation",
     "hostPID, hostIPC, a privileged container, NET_ADMIN or a mounted runtime socket let a pod step into the network "
     "of the node or of other pods, or rewrite the rules that should hold it. Policies then describe a pod that it "
     "need not stay. Drop the setting; where it must be, keep such pods in a namespace of their own and declare them.",
     "error"},
    {Rule::ExternalName, "AT-V103", "ExternalName", "Service that is an alias for an outside name",
     "A Service of type ExternalName answers an inside name with an alias for a name elsewhere. Pods that ask for the "
     "inside name send their question, and then their data, to the outside, and a review of URLs sees only an inside "
     "one. Point it at an inside name, or replace it by a Service with endpoints that are declared.",
     "error"},
    {Rule::ExternalIps, "AT-V104", "ExternalIps", "Service that claims addresses",
     "`externalIPs` makes every node take traffic for these addresses and hand it to the Service's pods. Whoever may "
     "write a Service can so capture traffic that others send to an inside system, or lead clients from outside in. "
     "Remove the field, and refuse it at admission.",
     "error"},
    {Rule::OutsideEndpoints, "AT-V105", "OutsideEndpoints", "Service whose endpoints lie outside",
     "An EndpointSlice or Endpoints object that was written by hand gives a Service outside addresses. Pods connect to "
     "an inside Service address, the node translates it, and the packet leaves; a rule that allows the Service range "
     "may let it pass. Remove the address, or declare it as an endpoint if it is in truth inside.",
     "error"},
    {Rule::LoadBalancer, "AT-V106", "LoadBalancer", "Service of type LoadBalancer",
     "Such a Service asks the platform for an address that others can reach and opens a port on every node. It is a "
     "way in that no network policy shows, and in a cloud the address may be public. Use ClusterIP behind the declared "
     "ingress, or declare who connects.",
     "warning"},
    {Rule::NodePort, "AT-V107", "NodePort", "Service of type NodePort",
     "The Service listens on a port of every node. Traffic that comes in there is translated before most policies see "
     "it, so the real client may be hidden from them. Use ClusterIP behind the declared ingress, or declare the client "
     "and hold the port with the node's firewall.",
     "warning"},
    {Rule::HostPort, "AT-V108", "HostPort", "container port opened on the node",
     "`hostPort` opens a port of the node for this container, beside every Service. It is a way in that policies of "
     "the "
     "cluster may not hold. Remove it, or declare the client that needs it.",
     "warning"},
    {Rule::NamespaceWithoutPolicy, "AT-V109", "NamespaceWithoutPolicy", "namespace that no policy isolates",
     "Pods of this namespace that no policy selects may send anywhere, as pods of a new namespace may. Isolation "
     "begins "
     "with the first policy that selects a pod, and for each direction apart. Add a default deny for both directions, "
     "or a cluster-scoped default that holds for namespaces of tomorrow too.",
     "warning"},
    {Rule::AdditiveHole, "AT-V110", "AdditiveHole", "right to add permissions",
     "The input grants somebody the right to create network policies, or pods in the node's network, in a sealed "
     "namespace. Network policies only ever add permissions, so one more object opens what all others close. Deny the "
     "outside in an Admin-tier, Cilium or Calico policy, which stands above them, or take the right away.",
     "warning"},
    {Rule::SecondaryNetwork, "AT-V111", "SecondaryNetwork", "second network of a pod",
     "The pod asks for further interfaces (Multus, a user-defined network). Network policies speak of the first one "
     "only, so what the others reach is not known from these files. Remove them, or hold that network by its own means "
     "and say so where the verdict is read.",
     "error"},
    {Rule::CloudAddress, "AT-V112", "CloudAddress", "private-looking address that is a cloud's service",
     "The address lies in a private or link-local range, but a cloud answers there: instance metadata, with "
     "credentials "
     "in it, a resolver or a clock. A resolver of the cloud forwards to the whole world. Deny it, and use systems of "
     "your own.",
     "error"},

    {Rule::RefusedObject, "AT-V201", "RefusedObject", "object that the API server refuses",
     "The API server would not accept this object, so it protects nothing: it is judged as if it were not there. In a "
     "review it looks like a policy, which makes it worse than none. Correct the field that is named.",
     "error"},
    {Rule::UnknownField, "AT-V202", "UnknownField", "field that the API does not have",
     "A misspelt field is refused by one client and dropped without a word by another, which then applies the rest: a "
     "restriction may vanish. The object is judged by the wider of both readings. Correct the name, or remove the "
     "field.",
     "warning"},
    {Rule::SameNameTwice, "AT-V203", "SameNameTwice", "one name for two objects",
     "Two objects of one kind share namespace and name. They do not add up: the cluster keeps the one that is applied "
     "last, so which rules hold depends on the order of files. The last is judged. Rename one, or merge them.",
     "warning"},
    {Rule::SelectsNothing, "AT-V204", "SelectsNothing", "policy that selects nobody",
     "No workload of the input matches the policy's selector. Often a label was renamed on one side only, and the pods "
     "that it was meant for are left without it. Compare the selector with the labels of the pod template.",
     "warning"},
    {Rule::NamespaceGuessed, "AT-V205", "NamespaceGuessed", "object without a namespace",
     "The object names no namespace, so it goes where the one who applies it happens to be. It was judged in the "
     "namespace that is named. Write `metadata.namespace`, or say with `--namespace` where it will be applied.",
     "note"},
    {Rule::EqualPriority, "AT-V206", "EqualPriority", "equal priority with different actions",
     "Two cluster-scoped policies of one priority decide differently about the same traffic, and the API leaves open "
     "which one wins. The worse order was judged. Give them different priorities.",
     "warning"},

    {Rule::StatefulAccept, "AT-V301", "StatefulAccept", "accept by connection state before the outside is dropped",
     "A rule accepts packets of known connections, wherever they go, before outside destinations are dropped. "
     "Connections that are older than the rules go on, and replies to whoever connects from outside leave. Drop the "
     "outside first, whatever the state, and accept established packets after that.",
     "error"},
    {Rule::TranslationAfterCheck, "AT-V302", "TranslationAfterCheck", "address changed behind the check",
     "Somewhere behind the rules that check the destination, a translation or a rewrite changes it. The check then "
     "spoke of another address than the one on the wire. Check behind the translation, or remove it.",
     "error"},
    {Rule::AroundTheCheck, "AT-V303", "AroundTheCheck", "statement that leads around the check",
     "dup, fwd, queue and flowtable offload send or copy packets past the rules that follow, or leave the decision to "
     "a "
     "program that these files do not show. What they let out is not known. Remove the statement, or restrict it to "
     "inside addresses before it acts.",
     "error"},
    {Rule::OneFamilyOnly, "AT-V304", "OneFamilyOnly", "rules of one address family only",
     "The input holds rules for IPv4 without IPv6, or the reverse. A node speaks both unless one is switched off, and "
     "the family that nobody looks at is the one that is open. Give both dumps: iptables-save and ip6tables-save, or "
     "an inet table.",
     "warning"},
    {Rule::EgressHoldsNoDevice, "AT-V305", "EgressHoldsNoDevice", "egress chain without a device",
     "A netdev egress chain holds only the devices to which it is bound. This one names none, or stands in a listing, "
     "which never prints them; a chain for a device that is not there loads without a word. So packets of raw senders "
     "are not shown to be held. Give the file that binds the chain, and check on the node that the device exists.",
     "warning"},
    {Rule::SocketMark, "AT-V306", "SocketMark", "opening keyed on a mark alone",
     "A rule accepts whatever carries a firewall mark. A mark can be set by every process with CAP_NET_RAW, which "
     "containers have by default, so in the node's network anybody may use the opening. Ask for the destination as "
     "well.",
     "error"},
    {Rule::SourceRoute, "AT-V307", "SourceRoute", "source-routed packets that are not dropped",
     "Nothing drops IPv4 packets with source-route options or IPv6 packets with a routing header. Such a packet shows "
     "an inside destination to the rules and is sent on to another by the next router that honours it. Drop both; "
     "until then the verdict assumes that no router does.",
     "note"},
    {Rule::SpoofableFrameType, "AT-V308", "SpoofableFrameType", "check that trusts the sender's word",
     "The egress chain tells frames apart by what the sending program wrote beside them instead of the bytes in the "
     "frame. A raw sender can claim one type and send another. Test the bytes of the frame.",
     "error"},

    {Rule::Upstream, "AT-V401", "Upstream", "resolver with a way to ask the outside",
     "The resolver has a forwarder, root hints or recursion for names that are not inside. Each question carries data "
     "out in the name itself, so the resolver is a way out for every pod that may ask it, whatever the policies say. "
     "Give it a sealed root, and forward inside zones to inside servers only.",
     "error"},
    {Rule::OutsideAnswer, "AT-V402", "OutsideAnswer", "outside address in an answer",
     "The configuration lets an inside name be answered with an outside address. Clients then connect outside by a "
     "name "
     "that looks inside, which is also how a rebinding attack works. Filter answers by address, both families.",
     "error"},
    {Rule::OutsideName, "AT-V403", "OutsideName", "outside name that is not refused",
     "A name that does not belong to the inside is not refused by the policy zones. Where the resolver has any "
     "upstream "
     "the question leaves, for every record type and also as the target of an alias. Refuse all names at the root, and "
     "let the inside zones pass.",
     "error"},
    {Rule::ZoneNotUsed, "AT-V404", "ZoneNotUsed", "policy zone that no configuration uses",
     "The zone is in the input, but no resolver configuration loads it, or none as a policy zone, so it has no effect. "
     "List it in the configuration, or remove the file.",
     "warning"},
    {Rule::ZoneOrder, "AT-V405", "ZoneOrder", "order of policy zones that switches one off",
     "The first policy zone that matches decides for the whole answer. Where the zone that lets inside names pass "
     "stands "
     "first, the zone that checks answers is never asked for them. Put the answers zone before the names zone, as this "
     "resolver needs it.",
     "error"},
    {Rule::NoResolver, "AT-V406", "NoResolver", "zones without a resolver configuration",
     "Zone files say what a resolver would refuse if it loaded them, and nothing about whether it has an upstream. "
     "Without its configuration the dns layer is inconclusive. Give the resolver's configuration as input too.",
     "warning"},

    {Rule::KindNotUnderstood, "AT-V501", "KindNotUnderstood", "kind of object that is not understood",
     "The object is of a kind that may make pods or change what pods reach, and this program does not know what it "
     "does. Nothing can be proven around it, so the verdict is inconclusive. Render it to plain objects, or give what "
     "its controller makes of it as input.",
     "warning"},
    {Rule::FieldNotUnderstood, "AT-V502", "FieldNotUnderstood", "field that is not understood",
     "A field of a known object has a meaning that is not modelled here. It was read in the worst way: a permission as "
     "wide as the rest of it allows, a denial as none. Where that reading does not seal, the verdict is inconclusive. "
     "Use a plain form of the rule if there is one.",
     "warning"},
    {Rule::RuleNotUnderstood, "AT-V503", "RuleNotUnderstood", "firewall or resolver rule that is not understood",
     "A match or a statement in the rule is not known, or the set that it asks is not in the input. An accept counts "
     "as "
     "accepting all that its understood part allows, a drop as dropping nothing. Give what is missing, or write the "
     "rule in plain matches.",
     "warning"},
    {Rule::TooMuch, "AT-V504", "TooMuch", "input beyond a bound",
     "A bound of the verifier was met, so that hostile or accidental input cannot take all memory or time. What lies "
     "beyond was not judged, and the verdict is inconclusive. Judge the input in parts, by cluster or by namespace.",
     "error"},
};

constexpr bool in_enum_order() {
  std::size_t at = 0;
  for (const RuleInfo& row : kTable)
    if (static_cast<std::size_t>(row.rule) != at++) return false;
  return at == static_cast<std::size_t>(Rule::TooMuch) + 1;
}
static_assert(in_enum_order(), "info() finds a row by its place");

}  // namespace

std::span<const RuleInfo> rule_table() { return kTable; }

const RuleInfo& info(Rule rule) { return kTable[static_cast<std::size_t>(rule)]; }

std::optional<RuleInfo> find_rule(std::string_view id) {
  std::string upper(id);
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  for (const RuleInfo& row : kTable)
    if (row.id == upper) return row;
  return std::nullopt;
}

}  // namespace airtight::verify
