#include "auditor/agent/watch.h"

#include <algorithm>
#include <utility>

namespace airtight::audit {

namespace {

constexpr std::size_t kDescribed = 256;
constexpr std::int64_t kShortLife =
    1'000'000'000;                             // ns: between birth and a capture of its own only the bridge watches
constexpr std::uint32_t kSnapLength = 65'535;  // a ClientHello may fill several frames; a frame is judged whole

bool is_captured(InterfaceRole role) {
  return role == InterfaceRole::Uplink || role == InterfaceRole::PodSide || role == InterfaceRole::Undeclared;
}
// Its packets are judged where they enter and leave.
bool is_elsewhere(InterfaceRole role) { return role == InterfaceRole::Overlay || role == InterfaceRole::Loopback; }
Role judged_as(InterfaceRole role) { return role == InterfaceRole::PodSide ? Role::PodSide : Role::Uplink; }

GapRecord gap(GapReason reason, std::int64_t from, std::int64_t to, std::string interface, std::string detail,
              std::uint64_t size = 0) {
  return {reason, from, to, std::move(interface), size, std::move(detail)};
}

}  // namespace

Watch::Watch(const AgentConfig& config, const Policy& policy, Opener& opener, Judge& judge,
             std::optional<BoundaryFilter> filter)
    : config_(config),
      opener_(opener),
      judge_(judge),
      filter_(std::move(filter)),
      roles_(std::in_place, policy, config.uplinks, config.pod_side) {}

void Watch::start() {
  Fd socket;
  std::error_code error = opener_.open_socket(SocketKind::PacketRaw, socket);  // raw: every tag and address is kept
  std::unique_ptr<PacketRing> ring;
  RingOptions options;
  options.bytes = static_cast<std::uint32_t>(config_.pod_ring << 20);
  options.snap_length = kSnapLength;
  if (!error) error = PacketRing::open(std::move(socket), options, ring);
  if (error) throw std::system_error(error, "the capture of all interfaces cannot be opened");
  bridge_ = ring.get();
  judge_.bridge(std::move(ring));
  std::vector<GapRecord> none;
  for (const auto& [index, link] : links_.links()) look(link, none, 0, 0, false);
  narrow_bridge();
  absent_ = roles_->absent(links_.links());
}

void Watch::use(const Policy& policy, std::int64_t from, std::int64_t now, std::vector<GapRecord>& gaps) {
  roles_.emplace(policy, config_.uplinks, config_.pod_side);
  filter_.reset();
  for (auto& [index, watched] : watched_) {
    if (watched.discarded) judge_.unfilter(index);
    watched.discarded.reset();
    watched.device = {};
  }
  for (const auto& [index, link] : links_.links()) look(link, gaps, from, now, false);
  narrow_bridge();
  absent_ = roles_->absent(links_.links());
}

void Watch::look(const Link& link, std::vector<GapRecord>& gaps, std::int64_t from, std::int64_t now, bool born) {
  const RoleChoice choice = roles_->of(link, links_.links());
  const auto known = watched_.find(link.index);
  const bool same =
      known != watched_.end() && known->second.choice.role == choice.role && known->second.link.name == link.name;
  if (link.xdp_program != 0 && known != watched_.end() && known->second.link.xdp_program == 0)
    gaps.push_back(gap(GapReason::Bypass, from, now, link.name, "an XDP program was put on"));
  if (same) {
    known->second.link = link;
    known->second.ever_up |= link.up;
    known->second.choice = choice;
    return;
  }
  const bool ever_up = link.up || (known != watched_.end() && known->second.ever_up);
  const std::int64_t since = known != watched_.end() ? known->second.born : born ? now : 0;
  if (known != watched_.end()) {
    if (known->second.choice.role == InterfaceRole::Undeclared)
      gaps.push_back(gap(GapReason::UndeclaredInterface, from, now, known->second.link.name,
                         "was up, and no part of the policy names it"));
    close(link.index);
  }
  Watched& watched = watched_[link.index];
  watched.link = link;
  watched.choice = choice;
  watched.born = since;
  watched.ever_up = ever_up;
  if (is_elsewhere(choice.role)) return judge_.ignore(link.index);
  // One that is down may speak before the kernel's word of its rising is read: the bridge judges it by what it will be.
  Link risen = link;
  risen.up = true;
  judge_.name(link.index, link.name, judged_as(roles_->of(risen, links_.links()).role));
  if (!is_captured(choice.role)) return;
  open(watched);
  if (!watched.captured)
    gaps.push_back(gap(GapReason::LateInterface, from, now, link.name, "cannot be captured: " + watched.trouble));
  else if (born && choice.role == InterfaceRole::Uplink)
    gaps.push_back(gap(GapReason::LateInterface, from, now, link.name,
                       "an uplink came, and its egress chain was not there before it"));
}

void Watch::open(Watched& watched) {
  const bool uplink = watched.choice.role != InterfaceRole::PodSide;
  RingOptions options;
  options.index = watched.link.index;
  options.bytes = static_cast<std::uint32_t>((uplink ? config_.ring : config_.pod_ring) << 20);
  options.snap_length = kSnapLength;
  const bool filtered = filter_ && watched.choice.role != InterfaceRole::Undeclared;
  if (filtered) options.filter = filter_->judge;
  std::error_code error;
  const auto counting = [&](const FilterProgram& filter, std::unique_ptr<CountingSocket>& to) {
    Fd socket;
    if (!error) error = opener_.open_socket(SocketKind::PacketRaw, socket);
    if (!error) error = CountingSocket::open(std::move(socket), watched.link.index, filter, to);
  };
  if (watched.choice.role == InterfaceRole::Uplink) counting(transmitted_filter(), watched.sent);
  if (filtered) counting(filter_->discard_all, watched.discarded);
  Fd socket;
  std::unique_ptr<PacketRing> ring;
  if (!error) error = opener_.open_socket(SocketKind::PacketRaw, socket);
  if (!error) error = PacketRing::open(std::move(socket), options, ring);
  if (error) {
    watched.trouble = error.message();
    return;
  }
  watched.captured = judge_.add(watched.link.index, watched.link.name, judged_as(watched.choice.role), std::move(ring));
  if (!watched.captured) watched.trouble = "there were more than 65,535 interfaces in this run: start the agent anew";
}

void Watch::close(std::uint32_t index) {
  judge_.remove(index);
  watched_.erase(index);
}

// Frames of interfaces with a ring of their own need not come twice.
void Watch::narrow_bridge() {
  std::vector<std::uint32_t> indexes;
  for (const auto& [index, watched] : watched_)
    if (watched.captured || is_elsewhere(watched.choice.role)) indexes.push_back(index);
  // A filter that is not taken must not be the one of before: all frames may come twice, none may be missing.
  if (bridge_->set_filter(other_interfaces_filter(indexes)) && bridge_->set_filter({})) broken_ = true;
}

void Watch::poll(std::int64_t from, std::int64_t now, std::vector<GapRecord>& gaps) {
  std::vector<LinkEvent> events;
  if (const std::error_code error = links_.poll(events)) {
    broken_ = true;
    gaps.push_back(gap(GapReason::LostEvents, from, now, {},
                       "the kernel's word of its devices cannot be read: " + error.message()));
  }
  for (const LinkEvent& event : events) {
    const Link& link = event.link;
    switch (event.kind) {
      case LinkEvent::Kind::Lost:
        gaps.push_back(gap(GapReason::LostEvents, from, now, {}, "the kernel dropped events of its devices"));
        break;
      case LinkEvent::Kind::Gone: {
        const auto known = watched_.find(link.index);
        if (known == watched_.end()) {
          if (is_captured(roles_->of(link, links_.links()).role))
            gaps.push_back(gap(GapReason::LateInterface, from, now, link.name, "was gone before it could be opened"));
          break;
        }
        if (known->second.choice.role == InterfaceRole::Uplink)
          gaps.push_back(
              gap(GapReason::LateInterface, from, now, link.name, "the uplink is gone: deleted, or moved away"));
        else if (known->second.choice.role == InterfaceRole::Undeclared)
          gaps.push_back(gap(GapReason::UndeclaredInterface, from, now, link.name,
                             "was up, and no part of the policy names it; it is gone"));
        if (const std::int64_t born = known->second.born; known->second.ever_up && born != 0 && now - born < kShortLife)
          gaps.push_back(gap(GapReason::LateInterface, from, now, link.name,
                             "lived for " + std::to_string((now - born) / 1'000'000) +
                                 " ms: nothing shows that all of it was captured"));
        close(link.index);
        break;
      }
      case LinkEvent::Kind::Renamed:
        // Chains stay with the name, not with the device: what left meanwhile was not held.
        if (const auto known = watched_.find(link.index); link.up || known == watched_.end() || known->second.ever_up)
          gaps.push_back(gap(GapReason::Other, from, now, link.name, "was renamed from " + event.old_name));
        look(link, gaps, from, now, false);
        break;
      case LinkEvent::Kind::Born:
        look(link, gaps, from, now, true);
        break;
      case LinkEvent::Kind::Changed:
        look(link, gaps, from, now, false);
        break;
    }
  }
  if (events.empty()) return;
  // What one device is may hang on another: a bond's slaves, a bridge's ports.
  for (const auto& [index, link] : links_.links()) look(link, gaps, from, now, false);
  narrow_bridge();
  absent_ = roles_->absent(links_.links());
}

void Watch::interval(std::int64_t from, std::int64_t now, std::vector<GapRecord>& gaps) {
  for (auto& [index, watched] : watched_) {
    const std::string& name = watched.link.name;
    if (watched.choice.role == InterfaceRole::Undeclared)
      gaps.push_back(gap(GapReason::UndeclaredInterface, from, now, name, watched.choice.why));
    if (is_captured(watched.choice.role) && !watched.captured) {
      gaps.push_back(gap(GapReason::LateInterface, from, now, name, "cannot be captured: " + watched.trouble));
      open(watched);  // for the next one
    }
  }
}

std::vector<std::uint32_t> Watch::uplinks() const {
  std::vector<std::uint32_t> indexes;
  for (const auto& [index, watched] : watched_)
    if (watched.choice.role == InterfaceRole::Uplink) indexes.push_back(index);
  return indexes;
}

std::vector<Link> Watch::uplinks_up() const {
  std::vector<Link> up;
  for (const std::uint32_t index : uplinks())
    if (watched_.at(index).link.up) up.push_back(watched_.at(index).link);
  return up;
}

std::vector<std::string> Watch::uplink_names() const {
  std::vector<std::string> names;
  for (const std::uint32_t index : uplinks()) names.push_back(watched_.at(index).link.name);
  return names;
}

bool Watch::uplinks_down() const { return uplinks_up().empty(); }

std::vector<WatchedInterface> Watch::describe() const {
  std::vector<WatchedInterface> all;
  std::size_t others = 0;
  for (const auto& [index, watched] : watched_) {
    // A record has room for some hundreds; uplinks and what nobody declared are never left out.
    const bool must = watched.choice.role == InterfaceRole::Uplink || watched.choice.role == InterfaceRole::Undeclared;
    if (!must && ++others > kDescribed) continue;
    all.push_back({watched.link.name, std::string(to_string(watched.choice.role)),
                   watched.trouble.empty() ? watched.choice.why : watched.trouble, watched.link.up});
  }
  if (others > kDescribed)
    all.push_back({"…", "others", std::to_string(others - kDescribed) + " more, pod sides and overlays", true});
  // Nothing leaves by what is not there; that it is not held either must be seen (R19).
  for (const std::string& pattern : absent_)
    all.push_back({pattern, "absent", "a declared uplink that is not there", false});
  return all;
}

}  // namespace airtight::audit
