// Policies in one line a rule, so that tests of readers are tables.
#pragma once

#include <string>
#include <vector>

#include "compiler/verify/kubernetes/objects.h"

namespace airtight::verify {

// "ns{team=a} app=web" of a subject or a peer; "everything" where nothing is asked.
inline std::string selectors_in_words(const Selector& namespaces, const Selector& pods, const Selector& accounts) {
  std::string text;
  const auto add = [&](const Selector& selector, const std::string& before, const std::string& behind) {
    if (selector.op == Selector::Op::All) return;
    text += (text.empty() ? "" : " ") + before + to_string(selector) + behind;
  };
  add(namespaces, "ns{", "}");
  add(pods, "", "");
  add(accounts, "sa{", "}");
  return text.empty() ? "everything" : text;
}

inline std::string in_words(const RulePeer& peer) {
  using Kind = RulePeer::Kind;
  const std::string who = selectors_in_words(peer.namespaces, peer.pods, peer.service_accounts);
  switch (peer.kind) {
    case Kind::Everything:
      return "everybody";
    case Kind::Pods:
      return "pods " + who;
    case Kind::Addresses:
      return (peer.addresses_match_pods == RulePeer::MatchPods::Never ? "outside " : "at ") +
             (peer.addresses.empty() ? "nothing" : to_string(peer.addresses)) +
             (who == "everything" ? "" : " of sets " + who);
    case Kind::Nodes:
      return peer.nodes.op == Selector::Op::All ? "nodes" : "some nodes " + to_string(peer.nodes);
    case Kind::NotUnderstood:
      return "?";
  }
  return {};
}

// "Deny pods app=web | outside ::/0: 443/tcp", with "(?)" where it is not understood wholly.
inline std::string in_words(const PolicyRule& rule) {
  constexpr const char* kActions[] = {"Allow", "Deny", "Pass", "Log"};
  std::string text = kActions[static_cast<std::size_t>(rule.action)];
  for (std::size_t i = 0; i < rule.peers.size(); ++i) text += (i == 0 ? " " : " | ") + in_words(rule.peers[i]);
  if (rule.peers.empty()) text += " nobody";
  text += ": " + to_string(rule.services);
  for (const NamedPort& port : rule.named_ports)
    text += ", " + port.name + "/" + (port.protocol ? std::string(to_string(*port.protocol)) : "any");
  if (!rule.source_ports.is_all()) text += " from " + to_string(ServiceSet::of(Protocol::Tcp, rule.source_ports));
  return text + (rule.understood ? "" : " (?)");
}

inline std::vector<std::string> messages(const std::vector<Remark>& remarks) {
  std::vector<std::string> texts;
  for (const Remark& remark : remarks) texts.push_back(remark.message);
  return texts;
}

}  // namespace airtight::verify
