#include "compiler/verify/dns/named_conf_words.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace airtight::verify {
namespace {

// Words between single spaces, each followed by one.
constexpr std::string_view kTop =
    "acl controls http key logging managed-keys masters parental-agents primaries statistics-channels tls "
    "trust-anchors trusted-keys ";

// Limits, caches, files, sockets that listen, and what only refuses.
constexpr std::string_view kOptions =
    "allow-notify allow-query allow-query-cache allow-query-cache-on allow-query-on allow-recursion "
    "allow-recursion-on allow-transfer answer-cookie auth-nxdomain automatic-interface-scan "
    "avoid-v4-udp-ports avoid-v6-udp-ports bindkeys-file blackhole check-dup-records check-integrity check-mx "
    "check-mx-cname check-names check-sibling check-spf check-srv-cname check-wildcard clients-per-query "
    "cookie-algorithm cookie-secret coresize datasize deny-answer-addresses deny-answer-aliases "
    "disable-algorithms disable-ds-digests dnssec-accept-expired dnssec-must-be-secure dnstap dnstap-identity "
    "dnstap-output dnstap-version dump-file edns-udp-size fetch-quota-params fetches-per-server "
    "fetches-per-zone files flush-zones-on-shutdown forward geoip-directory heartbeat-interval hostname "
    "http-listener-clients http-port http-streams-per-connection https-port interface-interval "
    "ipv4only-enable ixfr-from-differences keep-response-order key-directory lame-ttl listen-on listen-on-v6 "
    "lmdb-mapsize lock-file managed-keys-directory masterfile-style match-mapped-addresses max-cache-size "
    "max-cache-ttl max-clients-per-query max-ixfr-ratio max-journal-size max-ncache-ttl max-records "
    "max-recursion-depth max-recursion-queries max-refresh-time max-retry-time max-rsa-exponent-size "
    "max-stale-ttl max-transfer-idle-in max-transfer-idle-out max-transfer-time-in max-transfer-time-out "
    "max-udp-size max-zone-ttl memstatistics memstatistics-file message-compression min-cache-ttl "
    "min-ncache-ttl min-refresh-time min-retry-time minimal-any multi-master new-zones-directory "
    "no-case-compress nocookie-udp-size notify-delay notify-rate notify-to-soa nta-lifetime nta-recheck "
    "padding parental-source parental-source-v6 pid-file port preferred-glue prefetch provide-ixfr "
    "qname-minimization query-source query-source-v6 querylog random-device rate-limit recursing-file "
    "recursive-clients request-expire request-ixfr request-nsid require-server-cookie reserved-sockets "
    "resolver-nonbackoff-tries resolver-query-timeout resolver-retry-interval response-padding reuseport "
    "root-delegation-only root-key-sentinel rrset-order secroots-file send-cookie serial-query-rate "
    "serial-update-method server-id servfail-ttl session-keyalg session-keyfile session-keyname sortlist "
    "stacksize stale-answer-client-timeout stale-answer-enable stale-answer-ttl stale-cache-enable "
    "stale-refresh-time startup-notify-rate statistics-file synth-from-dnssec tcp-advertised-timeout "
    "tcp-clients tcp-idle-timeout tcp-initial-timeout tcp-keepalive-timeout tcp-listen-queue "
    "tcp-receive-buffer tcp-send-buffer tkey-dhkey tkey-domain tkey-gssapi-credential tkey-gssapi-keytab "
    "tls-port transfer-format transfer-message-size transfer-source transfer-source-v6 transfers-in "
    "transfers-out transfers-per-ns trust-anchor-telemetry try-tcp-refresh udp-receive-buffer udp-send-buffer "
    "update-check-ksk use-v4-udp-ports use-v6-udp-ports v6-bias validate-except version zero-no-soa-ttl "
    "zero-no-soa-ttl-cache zone-statistics ";

constexpr std::string_view kZone =
    "allow-notify allow-query allow-query-on allow-transfer check-dup-records check-integrity check-mx "
    "check-mx-cname check-names check-sibling check-spf check-srv-cname check-wildcard journal key-directory "
    "masterfile-style max-journal-size max-records max-zone-ttl notify-delay serial-update-method "
    "zero-no-soa-ttl zone-statistics ";

// Everything but `bogus` says how to speak to a server, not whether.
constexpr std::string_view kServer =
    "edns edns-udp-size edns-version keys max-udp-size notify-source notify-source-v6 padding provide-ixfr "
    "query-source query-source-v6 request-expire request-ixfr request-nsid send-cookie tcp-keepalive tcp-only "
    "transfer-format transfer-source transfer-source-v6 transfers ";

// How a policy zone is loaded, logged and cached, and triggers of name servers.
constexpr std::string_view kResponsePolicy =
    "add-soa ede log max-policy-ttl min-ns-dots min-update-interval nsdname-enable nsdname-wait-recurse "
    "nsip-enable nsip-wait-recurse ";

struct Harmless {
  std::string_view statement;
  std::string_view values;
};

constexpr std::string_view kNo = "no false 0 ";
constexpr std::array<Harmless, 6> kByValue{{{"allow-new-zones", kNo},
                                            {"allow-update", "none "},
                                            {"allow-update-forwarding", "none "},
                                            {"dialup", kNo},
                                            {"masterfile-format", "text "},
                                            {"notify", kNo}}};

bool holds(std::string_view words, std::string_view word) {
  if (word.empty() || word.find(' ') != std::string_view::npos) return false;
  for (std::size_t at = words.find(word); at != std::string_view::npos; at = words.find(word, at + 1)) {
    if ((at == 0 || words[at - 1] == ' ') && words[at + word.size()] == ' ') return true;
  }
  return false;
}

}  // namespace

bool is_harmless(ConfPlace place, std::string_view word) {
  constexpr std::array<std::string_view, 5> kPlaces{kTop, kOptions, kZone, kServer, kResponsePolicy};
  return holds(kPlaces[static_cast<std::size_t>(place)], word);
}

bool is_harmless(std::string_view statement, std::string_view value) {
  return std::any_of(kByValue.begin(), kByValue.end(),
                     [&](const Harmless& h) { return h.statement == statement && holds(h.values, value); });
}

}  // namespace airtight::verify
