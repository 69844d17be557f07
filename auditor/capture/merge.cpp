#include "auditor/capture/merge.h"

#include <algorithm>
#include <utility>

namespace airtight::audit {
namespace {

struct Head {
  std::int64_t time;
  std::size_t file;
  // For std::push_heap, which puts the greatest first: so "less" is "comes later".
  friend bool operator<(const Head& a, const Head& b) { return a.time != b.time ? a.time > b.time : a.file > b.file; }
};

}  // namespace

struct Merge::State {
  std::vector<std::unique_ptr<CaptureFile>> files;
  std::vector<Frame> frames;  // the next of each file
  std::vector<Head> waiting;  // a heap of the files whose next frame is not yet due
  std::size_t current = 0;    // the file whose frame was given last
  bool started = false;
  bool over = false;

  void wait(std::size_t file) {
    waiting.push_back({frames[file].time, file});
    std::push_heap(waiting.begin(), waiting.end());
  }
  // A first frame without a time has none before it in its file: kNoTime is the smallest, it comes first.
  void start() {
    started = true;
    for (std::size_t i = 0; i < files.size(); ++i) {
      if (files[i]->next(frames[i])) wait(i);
    }
    take_first();
  }
  void take_first() {
    over = waiting.empty();
    if (over) return;
    std::pop_heap(waiting.begin(), waiting.end());
    current = waiting.back().file;
    waiting.pop_back();
  }
  void advance() {
    Frame& frame = frames[current];
    if (!files[current]->next(frame)) return take_first();
    // A frame without a time is before all that wait, so it follows at once the one that was given last.
    if (waiting.empty() || !(Head{frame.time, current} < waiting.front())) return;
    wait(current);
    take_first();
  }
};

Merge::Merge(std::vector<std::unique_ptr<CaptureFile>> files) : state_(std::make_unique<State>()) {
  state_->frames.resize(files.size());
  state_->waiting.reserve(files.size());
  state_->files = std::move(files);
}
Merge::~Merge() = default;

bool Merge::next(Frame& frame, std::size_t& file) {
  State& state = *state_;
  if (!state.started) {
    state.start();
  } else if (!state.over) {
    state.advance();
  }
  if (state.over) return false;
  frame = state.frames[state.current];
  file = state.current;
  return true;
}

CaptureFile& Merge::file(std::size_t index) { return *state_->files[index]; }
std::size_t Merge::size() const { return state_->files.size(); }

}  // namespace airtight::audit
