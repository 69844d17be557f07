#include "auditor/agent/judge.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace airtight::audit {

namespace {

constexpr std::size_t kBlocksAtOnce = 4;              // of one ring, before others have their turn
constexpr std::chrono::milliseconds kLastBlock{200};  // more than a ring's block timeout
constexpr std::size_t kMaxAlarms = 1000;              // that wait for the loop
constexpr std::uint32_t kLeft = UINT32_MAX;     // in a mark: when it was set, for the rings of interfaces that are gone
const FilterProgram kNothing{{0x06, 0, 0, 0}};  // BPF_RET | BPF_K
constexpr std::uint32_t kBridge = 0;            // no interface has this index
constexpr std::uint64_t kWake = UINT64_MAX;     // epoll's word for the loop's call

class NoNames final : public NameSink {
 public:
  void seen(NameFrom, std::string_view, bool) override {}
};

Fd event_fd() {
  Fd fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!fd) throw std::system_error(errno, std::generic_category(), "eventfd");
  return fd;
}
void ring_bell(const Fd& fd) {
  const std::uint64_t one = 1;
  (void)!::write(fd.get(), &one, sizeof one);
}
void still_bell(const Fd& fd) {
  std::uint64_t count = 0;
  (void)!::read(fd.get(), &count, sizeof count);
}

}  // namespace

struct Judge::State final : MarkSink {
  struct Source {
    std::unique_ptr<PacketRing> ring;
    const Point* point = nullptr;
    std::uint32_t place = 0;
    std::uint64_t seen = 0, bytes = 0;
    std::int64_t since = 0;  // CLOCK_REALTIME of its opening: what came earlier, the bridge has
    std::chrono::steady_clock::time_point gone{};
    std::uint64_t told_dropped = 0;  // by its ring, at the last read()
  };
  struct Named {
    const Point* point = nullptr;
    std::uint32_t place = 0;
    bool ignored = false;
  };

  State(SensorWatch& sensor_watch, OwnCanaries& own_canaries, std::size_t table)
      : sensors(sensor_watch), own(own_canaries), flows(table) {}

  void run();
  std::size_t take(Source& source, std::uint32_t index);  // how many frames
  void empty_leaving();
  void frame(const Frame& frame, const Point& point, std::uint32_t place, std::uint32_t index);
  void bridged(const Frame& frame);
  void mark(const Frame& frame, const Point& point, const Mark& mark) override;
  const Point* point_of(const std::string& name, Role role, std::uint32_t& place);
  void watch(const PacketRing& ring, std::uint32_t index);
  // The thread gives way: without that it would take the lock again at once under load.
  std::unique_lock<std::mutex> lock() {
    ++wanted;
    std::unique_lock held(mutex);
    --wanted;
    return held;
  }

  SensorWatch& sensors;
  OwnCanaries& own;
  const std::size_t flows;
  NoNames no_names;

  std::mutex mutex;  // over everything below
  std::atomic<int> wanted{0};
  std::atomic<bool> ending{false};
  std::unique_ptr<Boundary> boundary;
  FindingLedger ledger;
  std::unique_ptr<Classifier> classifier;
  Counts before;  // of classifiers that were replaced
  std::map<std::uint32_t, Source> sources;
  std::vector<std::pair<std::uint32_t, Source>> leaving;  // of interfaces that are gone: what their last block holds
                                                          // comes out when the kernel gives it up
  std::map<std::uint32_t, Named> named;
  std::deque<Point> points;  // never taken back: flows hold them
  std::map<std::pair<std::string, Role>, std::uint32_t> places;
  std::unique_ptr<PacketRing> all;
  std::uint64_t bridged_frames = 0;
  std::uint64_t gone_dropped = 0;
  std::uint64_t frames = 0;
  std::uint64_t violations = 0, quiet = 0;
  std::vector<Alarm> alarms;
  Fd epoll{::epoll_create1(EPOLL_CLOEXEC)};
  Fd bell = event_fd();  // for the loop
  Fd wake = event_fd();  // for the thread
  std::thread thread;
};

Judge::Judge(const Policy& policy, SensorWatch& sensors, OwnCanaries& own, std::size_t flows)
    : state_(std::make_unique<State>(sensors, own, flows)) {
  State& state = *state_;
  if (!state.epoll) throw std::system_error(errno, std::generic_category(), "epoll_create1");
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kWake;
  if (::epoll_ctl(state.epoll.get(), EPOLL_CTL_ADD, state.wake.get(), &event) != 0)
    throw std::system_error(errno, std::generic_category(), "epoll_ctl");
  use(policy);
  state.thread = std::thread([&state] { state.run(); });
}

Judge::~Judge() {
  state_->ending = true;
  ring_bell(state_->wake);
  state_->thread.join();
}

void Judge::use(const Policy& policy) {
  const auto held = state_->lock();
  State& state = *state_;
  if (state.classifier) {
    state.classifier->finish();
    state.before += state.classifier->counts();
    state.classifier.reset();
  }
  state.boundary = std::make_unique<Boundary>(policy);
  state.classifier = std::make_unique<Classifier>(*state.boundary, state.flows, state, state.no_names);
}

const Point* Judge::State::point_of(const std::string& name, Role role, std::uint32_t& place) {
  const auto [found, fresh] = places.try_emplace({name, role}, static_cast<std::uint32_t>(points.size()));
  if (fresh) {
    if (points.size() + 1 >= kMaxPlaces) {
      places.erase(found);
      return nullptr;
    }
    points.push_back({role, name, 0});
  }
  place = found->second;
  return &points[place];
}

void Judge::State::watch(const PacketRing& ring, std::uint32_t index) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = index;
  if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, ring.fd(), &event) != 0)
    throw std::system_error(errno, std::generic_category(), "epoll_ctl");
}

bool Judge::add(std::uint32_t index, const std::string& name, Role role, std::unique_ptr<PacketRing> ring) {
  const auto held = state_->lock();
  State& state = *state_;
  State::Source source;
  source.point = state.point_of(name, role, source.place);
  if (source.point == nullptr) return false;
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  source.since = now.tv_sec * 1'000'000'000 + now.tv_nsec;
  state.watch(*ring, index);
  source.ring = std::move(ring);
  state.sources[index] = std::move(source);
  return true;
}

void Judge::remove(std::uint32_t index) {
  const auto held = state_->lock();
  State& state = *state_;
  const auto found = state.sources.find(index);
  if (found == state.sources.end()) return;
  (void)::epoll_ctl(state.epoll.get(), EPOLL_CTL_DEL, found->second.ring->fd(), nullptr);
  (void)found->second.ring->set_filter(kNothing);  // a device that lives on has another ring
  found->second.gone = std::chrono::steady_clock::now();
  state.leaving.emplace_back(index, std::move(found->second));
  state.sources.erase(found);
}

// Takes what gone interfaces left, and lets go of those that cannot hold any more.
void Judge::State::empty_leaving() {
  const auto now = std::chrono::steady_clock::now();
  for (auto& [index, source] : leaving) {
    while (source.ring && take(source, index) != 0) {
    }
    if (now - source.gone < kLastBlock) continue;
    gone_dropped += source.ring->counts().dropped - source.told_dropped;
    source.ring.reset();
  }
  std::erase_if(leaving, [](const auto& entry) { return !entry.second.ring; });
}

void Judge::bridge(std::unique_ptr<PacketRing> ring) {
  const auto held = state_->lock();
  state_->watch(*ring, kBridge);
  state_->all = std::move(ring);
}

void Judge::name(std::uint32_t index, const std::string& name, Role role) {
  const auto held = state_->lock();
  State::Named entry;
  entry.point = state_->point_of(name, role, entry.place);
  if (entry.point != nullptr) state_->named[index] = entry;
}

void Judge::ignore(std::uint32_t index) {
  const auto held = state_->lock();
  state_->named[index] = {nullptr, 0, true};
}

void Judge::unfilter(std::uint32_t index) {
  const auto held = state_->lock();
  const auto found = state_->sources.find(index);
  if (found != state_->sources.end()) (void)found->second.ring->set_filter({});
}

std::optional<RingCounts> Judge::ring_counts(std::uint32_t index) {
  const auto held = state_->lock();
  const auto found = state_->sources.find(index);
  if (found == state_->sources.end()) return std::nullopt;
  return found->second.ring->counts();
}

void Judge::judge(const std::vector<HeldFrame>& held) {
  const auto lock = state_->lock();
  for (const HeldFrame& frame : held) {
    state_->ledger.at(++state_->frames);
    state_->classifier->see(frame.frame, *frame.point, frame.place);
  }
}

JudgeReading Judge::read() {
  const auto held = state_->lock();
  State& state = *state_;
  state.empty_leaving();
  JudgeReading reading;
  reading.counts = state.before;
  reading.counts += state.classifier->counts();
  for (auto& [index, source] : state.sources) {
    reading.interfaces[index] = {source.point->name, source.point->role, source.seen, source.bytes,
                                 source.ring->counts()};
    source.told_dropped = reading.interfaces[index].ring.dropped;
  }
  reading.findings = state.ledger.take();
  reading.left_out = state.ledger.left_out();
  reading.gone_dropped = state.gone_dropped;
  reading.bridged = state.bridged_frames;
  if (state.all) reading.bridge = state.all->counts();
  reading.violations = state.violations;
  return reading;
}

std::vector<Finding> Judge::findings() {
  const auto held = state_->lock();
  return state_->ledger.take();
}

std::map<std::uint32_t, std::uint64_t> Judge::mark() {
  const auto held = state_->lock();
  std::map<std::uint32_t, std::uint64_t> mark;
  for (auto& [index, source] : state_->sources) {
    const RingCounts counts = source.ring->counts();
    mark[index] = counts.packets - counts.dropped;
  }
  if (state_->all) {
    const RingCounts counts = state_->all->counts();
    mark[kBridge] = counts.packets - counts.dropped;
  }
  mark[kLeft] = static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
  return mark;
}

bool Judge::reached(const std::map<std::uint32_t, std::uint64_t>& mark) {
  const auto held = state_->lock();
  state_->empty_leaving();
  const auto set = std::chrono::steady_clock::time_point(std::chrono::steady_clock::duration(mark.at(kLeft)));
  for (const auto& [index, source] : state_->leaving)
    if (source.gone <= set) return false;
  for (const auto& [index, frames] : mark) {
    if (index == kLeft) continue;
    if (index == kBridge) {
      if (state_->all && state_->all->counts().read < frames) return false;
      continue;
    }
    const auto found = state_->sources.find(index);
    if (found != state_->sources.end() && found->second.ring->counts().read < frames) return false;
  }
  return true;
}

std::uint64_t Judge::violations() const {
  const auto held = state_->lock();
  return state_->violations;
}

int Judge::alarm_fd() const { return state_->bell.get(); }

std::vector<Alarm> Judge::alarms() {
  const auto held = state_->lock();
  still_bell(state_->bell);
  return std::exchange(state_->alarms, {});
}

std::uint64_t Judge::alarms_left_out() const {
  const auto held = state_->lock();
  return state_->quiet;
}

void Judge::State::mark(const Frame& frame, const Point& point, const Mark& mark) {
  ledger.mark(frame, point, mark);
  if (mark.effect != Effect::Violated) return;
  ++violations;
  if (alarms.size() >= kMaxAlarms) {
    ++quiet;
    return;
  }
  Alarm alarm;
  alarm.time = frame.time;
  alarm.rule_id = info(mark.rule).id;
  alarm.cls = to_string(mark.cls);
  if (mark.has_addresses) {
    alarm.source = to_string(mark.source);
    alarm.destination = to_string(mark.destination);
  }
  alarm.protocol = protocol_text(mark);
  alarm.port = mark.port;
  alarm.name = mark.name;
  alarm.interface = point.name;
  alarm.role = to_string(point.role);
  alarm.catalogue = mark.label.title;
  alarm.packet = frame.number;
  alarms.push_back(std::move(alarm));
  if (alarms.size() == 1) ring_bell(bell);
}

void Judge::State::frame(const Frame& frame, const Point& point, std::uint32_t place, std::uint32_t index) {
  if (point.role == Role::Uplink &&
      (sensors.see(frame, index, frame.direction == Direction::Transmitted) == SensorWatch::Sight::Ours ||
       own.hold(frame, point, place)))
    return;
  if (own.swallow(frame, point.role)) return;
  ledger.at(frames);
  classifier->see(frame, point, place);
}

std::size_t Judge::State::take(Source& source, std::uint32_t index) {
  return source.ring->read(
      [&](const Frame& at) {
        ++source.seen;
        ++frames;
        source.bytes += at.original;
        frame(at, *source.point, source.place, index);
      },
      kBlocksAtOnce);
}

void Judge::State::bridged(const Frame& at) {
  const auto own_ring = sources.find(at.interface);
  if (own_ring != sources.end() && at.time >= own_ring->second.since) return;
  const auto found = named.find(at.interface);
  if (found != named.end() && found->second.ignored) return;
  ++bridged_frames;
  ++frames;
  if (own_ring != sources.end()) {
    frame(at, *own_ring->second.point, own_ring->second.place, at.interface);
  } else if (found != named.end()) {
    frame(at, *found->second.point, found->second.place, at.interface);
  } else {
    std::uint32_t place = 0;
    if (const Point* point = point_of("", Role::Uplink, place)) frame(at, *point, place, at.interface);
  }
}

void Judge::State::run() {
  std::array<epoll_event, 64> events{};
  while (!ending) {
    const int ready = ::epoll_wait(epoll.get(), events.data(), static_cast<int>(events.size()), -1);
    if (ready < 0) continue;
    while (wanted.load() > 0) std::this_thread::sleep_for(std::chrono::microseconds(20));
    const std::lock_guard held(mutex);
    for (int i = 0; i < ready; ++i) {
      const std::uint64_t word = events[static_cast<std::size_t>(i)].data.u64;
      if (word == kWake) {
        still_bell(wake);
        continue;
      }
      const auto index = static_cast<std::uint32_t>(word);
      if (index == kBridge) {
        if (all) all->read([&](const Frame& at) { bridged(at); }, kBlocksAtOnce);
        continue;
      }
      const auto found = sources.find(index);
      if (found == sources.end()) continue;
      take(found->second, index);
      // An interface that went down makes its socket readable for ever, until the error is taken.
      if ((events[static_cast<std::size_t>(i)].events & (EPOLLERR | EPOLLHUP)) != 0) (void)found->second.ring->error();
    }
  }
}

}  // namespace airtight::audit
