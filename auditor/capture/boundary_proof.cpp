// The filter held to the classifier, by example: at every bound of every range, in every shape that has a rule of its
// own, and in shapes that chance makes of those.
#include <algorithm>
#include <array>
#include <random>

#include "auditor/capture/boundary_filter.h"
#include "auditor/classify/classifier.h"

namespace airtight::audit {
namespace {

using Octets = std::vector<std::uint8_t>;

constexpr std::uint8_t kEcho = 1, kTcp = 6, kUdp = 17, kEcho6 = 58;

struct Draft {
  Ip source = Ip::v4(0), destination = Ip::v4(0);
  std::uint8_t protocol = kUdp;
  std::uint16_t source_port = 20'000, destination_port = 20'001;  // of an echo: the identifier
  Octets payload;
  std::uint8_t tcp_flags = 0x10;
  Octets tags;                 // between the addresses and the EtherType
  std::uint16_t fragment = 0;  // the field of IPv4; any of it makes a fragment header in IPv6
  Octets options;              // of IPv4, or extension headers that end with the protocol's number left out
  int length_lie = 0;          // added to the IP length
  bool vlan = false;           // the kernel took a tag off
};

void put16(Octets& to, std::size_t value) {
  to.push_back(static_cast<std::uint8_t>(value >> 8));
  to.push_back(static_cast<std::uint8_t>(value));
}
void put(Octets& to, const Octets& more) { to.insert(to.end(), more.begin(), more.end()); }
void put(Octets& to, Ip ip) {
  const u128 bits = ip.bits();
  for (int shift = ip.is_v4() ? 24 : 120; shift >= 0; shift -= 8)
    to.push_back(static_cast<std::uint8_t>(bits >> shift));
}

Octets transport(const Draft& draft) {
  Octets made;
  if (draft.protocol == kTcp || draft.protocol == kUdp) {
    put16(made, draft.source_port);
    put16(made, draft.destination_port);
  }
  if (draft.protocol == kTcp) {
    put(made, Octets{0, 0, 1, 0, 0, 0, 2, 0, 0x50, draft.tcp_flags, 16, 0, 0, 0, 0, 0});
  } else if (draft.protocol == kUdp) {
    put16(made, 8 + draft.payload.size());
    put16(made, 0);
  } else {
    put(made, Octets{static_cast<std::uint8_t>(draft.protocol == kEcho ? 8 : 128), 0, 0, 0});
    put16(made, draft.source_port);
    put16(made, 1);
  }
  put(made, draft.payload);
  return made;
}

Octets frame_of(const Draft& draft) {
  Octets made{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};
  put(made, draft.tags);
  Octets inner = transport(draft);
  if (draft.source.is_v4()) {
    put16(made, 0x0800);
    made.push_back(static_cast<std::uint8_t>(0x45 + draft.options.size() / 4));
    made.push_back(0);
    put16(made,
          static_cast<std::size_t>(20 + static_cast<int>(draft.options.size() + inner.size()) + draft.length_lie));
    put16(made, 7);
    put16(made, draft.fragment);
    put(made, Octets{64, draft.protocol, 0, 0});
  } else {
    std::uint8_t first = draft.protocol;
    if (draft.fragment != 0) {
      Octets header{first, 0};
      put16(header, static_cast<std::size_t>((draft.fragment & 0x1fff) << 3 | draft.fragment >> 13));
      put(header, Octets{0, 0, 0, 7});
      inner.insert(inner.begin(), header.begin(), header.end());
      first = 44;
    }
    if (!draft.options.empty()) {
      Octets header = draft.options;
      header[0] = first;
      inner.insert(inner.begin(), header.begin(), header.end());
      first = 60;
    }
    put16(made, 0x86dd);
    put(made, Octets{0x60, 0, 0, 0});
    put16(made, static_cast<std::size_t>(static_cast<int>(inner.size()) + draft.length_lie));
    put(made, Octets{first, 64});
  }
  put(made, draft.source);
  put(made, draft.destination);
  if (draft.source.is_v4()) put(made, draft.options);
  put(made, inner);
  return made;
}

// Payloads of what is looked into on any port; the first bytes are what matters.
struct NamedPayload {
  const char* what;
  std::size_t size;
  std::array<std::uint8_t, 20> begins;
};
constexpr NamedPayload kPayloads[] = {
    {"plain", 64, {}},
    {"short", 4, {}},
    {"a DNS question", 25, {0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 7, 'e', 'x', 'a', 'm', 'p', 'l', 'e'}},
    {"a QUIC Initial", 64, {0xc0, 0, 0, 0, 1, 8, 1, 2, 3, 4, 5, 6, 7, 8}},
    {"Google's QUIC", 64, {0x0d, 1, 2, 3, 4, 5, 6, 7, 8, 'Q', '0', '4', '3'}},
    {"Google's QUIC", 64, {0x01, 'Q', '0', '3', '9'}},
    {"DTLS", 64, {22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 51, 1}},
    {"WireGuard", 148, {1}},
    {"OpenVPN", 14, {7 << 3}},
    {"OpenVPN", 64, {10 << 3, 0, 0, 0, 0, 0, 0, 0, 0, 0x0f, 0, 0, 1}},
    {"Teredo", 64, {0x60, 0, 0, 0, 0, 24, 17, 64, 0x20, 1, 0, 0}},
};

class Proof final : MarkSink, NameSink {
 public:
  Proof(const BoundaryFilter& filter, const Policy& policy)
      : filter_(filter), policy_(policy), boundary_(policy), classifier_(boundary_, 4096, *this, *this), engine_(6) {}

  bool run(std::string& why) {
    gather(policy_.cluster_ranges());
    gather(policy_.inside);
    bounds();
    shapes();
    chance();
    why = why_;
    return why_.empty();
  }

 private:
  void mark(const Frame&, const Point&, const Mark& mark) override { marked_ = info(mark.rule).id; }
  void seen(NameFrom, std::string_view, bool) override {}

  void gather(const IpSet& set) {
    const auto add = [&](auto intervals, auto& to, auto make) {
      for (const auto& [first, last] : intervals) {
        using Number = std::remove_cvref_t<decltype(first)>;
        to.push_back(make(first));
        to.push_back(make(last));
        if (first != 0) to.push_back(make(static_cast<Number>(first - 1)));
        if (last != static_cast<Number>(~Number{0})) to.push_back(make(static_cast<Number>(last + 1)));
      }
    };
    add(set.v4().intervals(), v4_, [](std::uint32_t bits) { return Ip::v4(bits); });
    add(set.v6().intervals(), v6_, [](u128 bits) { return Ip::v6(bits); });
    // Addresses that carry 198.51.100.1 in their interface identifier (ISATAP), where the range leaves one free.
    for (const auto& [first, last] : set.v6().intervals()) {
      for (const std::uint64_t low : {0x00005efec6336401u, 0x02005efec6336401u}) {
        const u128 bits = first >> 64 << 64 | low;
        if (bits >= first && bits <= last) v6_.push_back(Ip::v6(bits));
      }
    }
  }

  // Each bound as either end, the other one an address of the cluster, and two bounds together.
  void bounds() {
    for (const std::vector<Ip>* points : {&v4_, &v6_}) {
      for (std::size_t i = 0; i < points->size(); ++i) {
        const Ip at = (*points)[i], next = (*points)[(i + 1) % points->size()], inside = (*points)[i % 2];
        for (const auto& [source, destination] : {std::pair{at, inside}, std::pair{inside, at}, std::pair{at, next}}) {
          for (const std::uint8_t protocol : {kUdp, kTcp, at.is_v4() ? kEcho : kEcho6}) {
            Draft draft = plain(source, destination, protocol);
            check(draft, "plain");
          }
        }
      }
    }
  }

  void shapes() {
    for (const std::vector<Ip>* points : {&v4_, &v6_}) {
      if (points->empty()) continue;
      for (const std::uint8_t protocol : {kUdp, kTcp, (*points)[0].is_v4() ? kEcho : kEcho6}) {
        const Draft base = plain((*points)[0], (*points)[1], protocol);
        variants(base);
        const Octets whole = frame_of(base);
        for (std::size_t size = 0; size < whole.size(); ++size) {
          check({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)}, base, "cut short");
        }
        for (unsigned port = 0; port < 65'536; port += port < 9'000 || port > 51'000 ? 1 : 97) {
          Draft on = base;
          on.destination_port = static_cast<std::uint16_t>(port);
          check(on, "another port");
          std::swap(on.source_port, on.destination_port);
          if (port < 9'000) check(on, "another port");
          if (protocol != kUdp && protocol != kTcp) break;
        }
      }
    }
  }

  void variants(const Draft& base) {
    const auto with = [&](const char* what, auto change) {
      Draft draft = base;
      draft.source_port = next_port();
      change(draft);
      check(draft, what);
    };
    for (const NamedPayload& named : kPayloads) {
      with(named.what, [&](Draft& draft) {
        draft.payload.assign(named.begins.begin(), named.begins.end());
        draft.payload.resize(named.size);
        if (named.size == 25) draft.payload[22] = draft.payload[24] = 1;  // type A, class IN
      });
    }
    for (const Octets& tag : {Octets{0x81, 0, 0, 5}, Octets{0x88, 0xa8, 0, 5}, Octets{0x91, 0, 0, 5}})
      with("tagged", [&](Draft& draft) { draft.tags = tag; });
    with("tagged", [](Draft& draft) { draft.vlan = true; });
    for (const unsigned fragment : {0x2000u, 0x0001u, 0x1fffu, 0x8000u})
      with("a fragment", [&](Draft& draft) { draft.fragment = static_cast<std::uint16_t>(fragment); });
    with("with options", [](Draft& draft) { draft.options = {1, 0, 1, 1, 1, 1, 0, 0}; });
    with("with a source route", [](Draft& draft) { draft.options = {131, 7, 4, 198, 51, 100, 1, 0}; });
    for (unsigned flags = 0; flags < 256; ++flags)
      with("with flags", [&](Draft& draft) { draft.tcp_flags = static_cast<std::uint8_t>(flags); });
    for (const int lie : {-30, -9, -8, -1, 1, 8, 1000})
      with("with a wrong length", [&](Draft& draft) { draft.length_lie = lie; });
    for (unsigned protocol = 0; protocol < 256; ++protocol)
      with("of another protocol", [&](Draft& draft) { draft.protocol = static_cast<std::uint8_t>(protocol); });
  }

  // Bytes of headers turned into others.
  void chance() {
    for (const std::vector<Ip>* points : {&v4_, &v6_}) {
      if (points->empty()) continue;
      const bool v4 = (*points)[0].is_v4();
      for (unsigned i = 0; i < 4000; ++i) {
        Draft draft = plain((*points)[engine_() % points->size()], (*points)[engine_() % points->size()],
                            std::array{kUdp, kTcp, v4 ? kEcho : kEcho6}[i % 3]);
        draft.payload.resize(engine_() % 80);
        Octets frame = frame_of(draft);
        for (auto left = 1 + engine_() % 3; left != 0; --left) {
          frame[12 + engine_() % (frame.size() - 12)] = static_cast<std::uint8_t>(engine_());
        }
        check(frame, draft, "with bytes changed");
      }
    }
  }

  Draft plain(Ip source, Ip destination, std::uint8_t protocol) {
    Draft draft;
    draft.source = source;
    draft.destination = destination;
    draft.protocol = protocol;
    draft.source_port = next_port();
    draft.destination_port = 20'001;
    if (protocol != kTcp) draft.payload.resize(64);
    return draft;
  }
  std::uint16_t next_port() { return static_cast<std::uint16_t>(20'002 + ++drawn_ % 20'000); }

  void check(const Draft& draft, const char* what) { check(frame_of(draft), draft, what); }
  void check(const Octets& bytes, const Draft& draft, const char* what) {
    if (!why_.empty()) return;
    FilterInput input;
    input.bytes = bytes;
    input.vlan = draft.vlan;
    const bool kept = run_filter(filter_.judge, input) != 0;
    const bool received = run_filter(filter_.discard, input) != 0;
    const bool counted = run_filter(filter_.discard_all, input) != 0;
    input.outgoing = true;
    const bool counted_sent = run_filter(filter_.discard, input) != 0;
    if (kept != (run_filter(filter_.judge, input) != 0) || counted != !kept || counted_sent != !kept || received) {
      return say(draft, what, "is not what the program that counts takes for it");
    }
    if (kept) return;
    if (draft.vlan) return say(draft, what, "carries a VLAN tag");
    // At an uplink and at a pod's side, in both directions, in turn.
    static const Point kPoints[] = {{Role::Uplink, "uplink", 0}, {Role::PodSide, "pod side", 0}};
    const std::uint32_t place = ++judged_ % 4;
    Frame frame;
    frame.bytes = bytes;
    frame.original = static_cast<std::uint32_t>(bytes.size());
    frame.direction = place % 2 == 0 ? Direction::Transmitted : Direction::Received;
    frame.time = time_ += 7'200'000'000'000;  // the flow before is idle by now, and makes room
    frame.number = 1;
    marked_ = {};
    const std::uint64_t before = in_cluster();
    classifier_.see(frame, kPoints[place / 2], place);
    if (!marked_.empty()) return say(draft, what, "is one for " + std::string(marked_));
    if (in_cluster() != before + 1) return say(draft, what, "is not of the cluster");
  }
  std::uint64_t in_cluster() const {
    const Counts counts = classifier_.counts();
    return counts.classes[static_cast<std::size_t>(Class::InsideCluster)].packets +
           counts.classes[static_cast<std::size_t>(Class::InsideDeclared)].packets;
  }
  void say(const Draft& draft, const char* what, const std::string& fault) {
    why_ = "a frame from " + to_string(draft.source) + " to " + to_string(draft.destination) + ", protocol " +
           std::to_string(draft.protocol) + ", ports " + std::to_string(draft.source_port) + " and " +
           std::to_string(draft.destination_port) + ", " + what + ", is discarded and " + fault;
  }

  const BoundaryFilter& filter_;
  const Policy& policy_;
  const Boundary boundary_;
  Classifier classifier_;
  std::mt19937 engine_;
  std::vector<Ip> v4_, v6_;
  std::string_view marked_;
  std::string why_;
  std::uint64_t drawn_ = 0;
  std::uint32_t judged_ = 0;
  std::int64_t time_ = 0;
};

}  // namespace

bool prove_boundary_filter(const BoundaryFilter& filter, const Policy& policy, std::string& why) {
  return Proof(filter, policy).run(why);
}

}  // namespace airtight::audit
