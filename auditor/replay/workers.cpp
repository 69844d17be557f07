#include "auditor/replay/workers.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <iterator>
#include <mutex>
#include <thread>

#include "auditor/decode/byte_reader.h"
#include "auditor/decode/packet.h"

namespace airtight::audit {

namespace {

constexpr std::size_t kBatchFrames = 4096;
constexpr std::size_t kBatchBytes = 2u << 20;
constexpr std::size_t kBatchesInFlight = 8;

struct Entry {
  Frame frame;
  const Point* point = nullptr;
  std::uint32_t place = 0;
  std::uint32_t shard = 0;
  const RuleInfo* worst = nullptr;  // written by the worker of the shard alone
};

struct Batch {
  std::vector<Entry> entries;
  std::vector<std::uint8_t> arena;  // the frames' bytes; reserved once, so that views into it stay valid
  std::uint64_t first = 0;          // place of the first entry among the frames of the run
  std::size_t waiting_for = 0;      // workers that are not done with it; under the lock
};

std::uint64_t fold(Ip ip) {
  return static_cast<std::uint64_t>(ip.bits()) ^ static_cast<std::uint64_t>(ip.bits() >> 64);
}

// By the outermost pair of addresses, both ways the same; what has none goes to the first worker. The decoder itself
// says which pair that is, since a flow that two workers share is one that neither sees whole.
class Dealer {
 public:
  std::uint32_t shard_of(const Frame& frame, std::size_t shards) {
    std::uint64_t pair = 0;
    if (!plain_pair(frame, pair)) {
      decode(frame, ports_, packet_);
      if (packet_.level_count == 0) return 0;
      pair = fold(packet_.outer().source) ^ fold(packet_.outer().destination);
    }
    return static_cast<std::uint32_t>((pair * 0x9e3779b97f4a7c15u >> 32) % shards);
  }

 private:
  // The same for what most frames are, IPv4 straight on Ethernet, where there is nothing to decide.
  static bool plain_pair(const Frame& frame, std::uint64_t& pair) {
    const Bytes bytes = frame.bytes;
    if (frame.link != LinkType::Ethernet || bytes.size() < 34 || bytes[12] != 0x08 || bytes[13] != 0) return false;
    if (bytes[14] >> 4 != 4) return false;
    ByteReader ends(bytes.subspan(26, 8));
    pair = ends.u32();
    pair ^= ends.u32();
    return true;
  }

  TunnelPorts ports_;  // none: what the outermost level carries does not matter here
  Packet packet_;
};

}  // namespace

void NameBook::seen(NameFrom, std::string_view name, bool inside) {
  if (name.empty()) return;  // the root, or a field that names nobody
  folded_.assign(name);
  for (char& character : folded_)
    if (character >= 'A' && character <= 'Z') character = static_cast<char>(character + ('a' - 'A'));
  const auto found = names_.find(folded_);
  if (found != names_.end()) {
    ++found->second.times;
    found->second.inside &= inside;  // a suffix may be inside as a host and not as a question: outside counts
    return;
  }
  if (names_.size() >= kMaxNames && folded_ > names_.rbegin()->first) {
    ++left_out_;
    return;
  }
  names_.emplace(folded_, SeenName{1, inside});
  trim();
}

void NameBook::merge(NameBook&& other) {
  left_out_ += other.left_out_;
  for (auto& [name, seen] : other.names_) {
    const auto [place, made] = names_.emplace(name, seen);
    if (made) continue;
    place->second.times += seen.times;
    place->second.inside &= seen.inside;
  }
  trim();
}

// The first names by the alphabet stay, so that what is kept depends neither on the order of packets nor on the number
// of threads.
void NameBook::trim() {
  while (names_.size() > kMaxNames) {
    const auto last = std::prev(names_.end());
    left_out_ += last->second.times;
    names_.erase(last);
  }
}

struct Workers::State {
  struct Worker {
    Worker(const Boundary& boundary, std::size_t flows) : classifier(boundary, flows, findings, names) {}
    FindingLedger findings;
    NameBook names;
    Classifier classifier;
    std::thread thread;
    std::deque<std::shared_ptr<Batch>> queue;  // under the lock
  };

  explicit State(Marked to) : marked(std::move(to)) {}

  void run(std::uint32_t shard);
  void send();
  void settle(std::size_t leave);

  Marked marked;
  std::vector<std::unique_ptr<Worker>> workers;
  std::shared_ptr<Batch> filling;
  std::deque<std::shared_ptr<Batch>> in_flight;  // in order; the caller's alone
  std::vector<std::shared_ptr<Batch>> spare;
  std::mutex mutex;
  std::condition_variable work;  // a batch was queued, or there will be no more
  std::condition_variable done;  // a worker is done with a batch
  bool ending = false;
  std::exception_ptr failure;
  std::uint64_t frames = 0;  // seen so far
  Dealer dealer;
};

void Workers::State::run(std::uint32_t shard) {
  Worker& self = *workers[shard];
  for (;;) {
    std::shared_ptr<Batch> batch;
    {
      std::unique_lock lock(mutex);
      work.wait(lock, [&] { return !self.queue.empty() || ending; });
      if (self.queue.empty()) return;
      batch = std::move(self.queue.front());
      self.queue.pop_front();
    }
    try {
      std::uint64_t place = batch->first;
      for (Entry& entry : batch->entries) {
        self.findings.at(place++);
        if (entry.shard == shard) entry.worst = self.classifier.see(entry.frame, *entry.point, entry.place);
      }
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!failure) failure = std::current_exception();
    }
    const std::lock_guard lock(mutex);
    if (--batch->waiting_for == 0) done.notify_one();
  }
}

// Hands the batch that was filled to every worker.
void Workers::State::send() {
  if (!filling || filling->entries.empty()) return;
  settle(kBatchesInFlight - 1);
  filling->waiting_for = workers.size();
  {
    const std::lock_guard lock(mutex);
    for (const auto& worker : workers) worker->queue.push_back(filling);
  }
  work.notify_all();
  in_flight.push_back(std::move(filling));
}

// Waits until at most `leave` batches are out; those that are done are told to `marked`, in order.
void Workers::State::settle(std::size_t leave) {
  while (in_flight.size() > leave) {
    std::shared_ptr<Batch> batch = in_flight.front();
    {
      std::unique_lock lock(mutex);
      done.wait(lock, [&] { return batch->waiting_for == 0; });
      if (failure) std::rethrow_exception(failure);
    }
    in_flight.pop_front();
    if (marked) {
      for (const Entry& entry : batch->entries)
        if (entry.worst != nullptr) marked(entry.frame, *entry.point, *entry.worst);
    }
    batch->entries.clear();
    batch->arena.clear();
    spare.push_back(std::move(batch));
  }
}

Workers::Workers(const Boundary& boundary, std::size_t flows, unsigned threads, Marked marked)
    : state_(std::make_unique<State>(std::move(marked))) {
  for (unsigned i = 0; i < std::max(threads, 1u); ++i)
    state_->workers.push_back(std::make_unique<State::Worker>(boundary, flows));
  if (threads < 2) return;  // the caller's thread judges
  for (std::uint32_t i = 0; i < threads; ++i) state_->workers[i]->thread = std::thread([this, i] { state_->run(i); });
}

Workers::~Workers() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->ending = true;
  }
  state_->work.notify_all();
  for (const auto& worker : state_->workers)
    if (worker->thread.joinable()) worker->thread.join();
}

void Workers::see(const Frame& frame, const Point& point, std::uint32_t place) {
  State& state = *state_;
  const std::uint64_t at_frame = state.frames++;
  if (state.workers.size() == 1) {
    state.workers[0]->findings.at(at_frame);
    const RuleInfo* worst = state.workers[0]->classifier.see(frame, point, place);
    if (worst != nullptr && state.marked) state.marked(frame, point, *worst);
    return;
  }
  if (state.filling && (state.filling->entries.size() == kBatchFrames ||
                        state.filling->arena.size() + frame.bytes.size() > state.filling->arena.capacity()))
    state.send();
  if (!state.filling) {
    if (state.spare.empty()) {
      state.filling = std::make_shared<Batch>();
    } else {
      state.filling = std::move(state.spare.back());
      state.spare.pop_back();
    }
    state.filling->first = at_frame;
    state.filling->entries.reserve(kBatchFrames);
    state.filling->arena.reserve(std::max(kBatchBytes, frame.bytes.size()));
  }
  Batch& batch = *state.filling;
  const std::size_t at = batch.arena.size();
  batch.arena.insert(batch.arena.end(), frame.bytes.begin(), frame.bytes.end());
  Entry entry{frame, &point, place, state.dealer.shard_of(frame, state.workers.size()), nullptr};
  entry.frame.bytes = Bytes(batch.arena.data() + at, frame.bytes.size());
  batch.entries.push_back(entry);
}

Tally Workers::finish() {
  State& state = *state_;
  if (state.workers.size() > 1) {
    state.send();
    state.settle(0);
  }
  Tally tally;
  for (const auto& worker : state.workers) {
    worker->findings.at(FindingLedger::kAfterFrames);
    worker->classifier.finish();
    tally.counts += worker->classifier.counts();
    tally.findings.merge(std::move(worker->findings));
    tally.names.merge(std::move(worker->names));
  }
  return tally;
}

}  // namespace airtight::audit
