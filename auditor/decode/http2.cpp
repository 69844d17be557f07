#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>

#include "auditor/decode/authority.h"
#include "auditor/decode/byte_reader.h"
#include "auditor/decode/http.h"

namespace airtight::audit {
namespace {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr std::size_t kFrameHeader = 9;
constexpr std::size_t kMaxBlock = 65'536;  // of one header block, compressed, over all its frames
// What a client's encoder may use is said by the server, whose direction is not seen; this is what large ones say.
constexpr std::size_t kMaxDynamicTable = 65'536;
constexpr std::size_t kMaxInflaterMemory = 524'288;

enum FrameType : std::uint8_t { kHeaders = 1, kPushPromise = 5, kContinuation = 9 };
enum FrameFlag : std::uint8_t { kEndHeaders = 0x4, kPadded = 0x8, kPriority = 0x20 };

bool begins_like_preface(Bytes stream) {
  const std::size_t size = std::min(stream.size(), kPreface.size());
  return std::equal(kPreface.begin(), kPreface.begin() + size, stream.begin());
}

// malloc() with a limit to what is held at once: past it nghttp2 is told that there is no memory, and gives up the
// stream.
class BoundedMemory {
 public:
  BoundedMemory() : functions_{this, &allocate, &release, &allocate_zeroed, &reallocate} {}
  BoundedMemory(const BoundedMemory&) = delete;
  BoundedMemory& operator=(const BoundedMemory&) = delete;

  nghttp2_mem* functions() { return &functions_; }

 private:
  static constexpr std::size_t kPrefix = alignof(std::max_align_t);  // holds the size of the block
  static_assert(kPrefix >= sizeof(std::size_t));

  static unsigned char* start(void* block) { return static_cast<unsigned char*>(block) - kPrefix; }
  static std::size_t size_of(void* block) {
    std::size_t size;
    std::memcpy(&size, start(block), sizeof size);
    return size;
  }
  static void* allocate(std::size_t size, void* self) {
    auto& held = static_cast<BoundedMemory*>(self)->held_;
    if (size > kMaxInflaterMemory || held + size + kPrefix > kMaxInflaterMemory) return nullptr;
    void* const whole = std::malloc(size + kPrefix);
    if (whole == nullptr) return nullptr;
    std::memcpy(whole, &size, sizeof size);
    held += size + kPrefix;
    return static_cast<unsigned char*>(whole) + kPrefix;
  }
  static void release(void* block, void* self) {
    if (block == nullptr) return;
    static_cast<BoundedMemory*>(self)->held_ -= size_of(block) + kPrefix;
    std::free(start(block));
  }
  static void* allocate_zeroed(std::size_t count, std::size_t size, void* self) {
    if (size != 0 && count > kMaxInflaterMemory / size) return nullptr;
    void* const block = allocate(count * size, self);
    if (block != nullptr) std::memset(block, 0, count * size);
    return block;
  }
  static void* reallocate(void* block, std::size_t size, void* self) {
    void* const moved = allocate(size, self);
    if (moved == nullptr || block == nullptr) return moved;
    std::memcpy(moved, block, std::min(size, size_of(block)));
    release(block, self);
    return moved;
  }

  std::size_t held_ = 0;
  nghttp2_mem functions_;
};

// HPACK's decoder for one connection (RFC 7541). Once it has failed the dynamic table is lost, and with it all that
// follows.
class Inflater {
 public:
  Inflater() {
    if (nghttp2_hd_inflate_new2(&inflater_, memory_.functions()) != 0) throw std::bad_alloc();
    nghttp2_hd_inflate_change_table_size(inflater_, kMaxDynamicTable);
  }
  ~Inflater() { nghttp2_hd_inflate_del(inflater_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // Calls `use(name, value)` for each field that these bytes complete. False if they are no header block, or `use`
  // refuses.
  template <typename Use>
  bool inflate(Bytes bytes, bool last, Use use) {
    for (;;) {
      nghttp2_nv field;
      int flags = NGHTTP2_HD_INFLATE_NONE;
      const auto read =
          nghttp2_hd_inflate_hd2(inflater_, &field, &flags, bytes.data(), bytes.size(), static_cast<int>(last));
      if (read < 0) return false;
      bytes = bytes.subspan(static_cast<std::size_t>(read));
      if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0 &&
          !use(text(field.name, field.namelen), text(field.value, field.valuelen)))
        return false;
      if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) return nghttp2_hd_inflate_end_headers(inflater_) == 0;
      if ((flags & NGHTTP2_HD_INFLATE_EMIT) == 0) return bytes.empty() && !last;
    }
  }

 private:
  static std::string_view text(const std::uint8_t* bytes, std::size_t size) {
    return {reinterpret_cast<const char*>(bytes), size};
  }

  BoundedMemory memory_;
  nghttp2_hd_inflater* inflater_ = nullptr;
};

// The names of one header block. False from field(): it names two hosts.
class BlockNames {
 public:
  bool field(std::string_view name, std::string_view value) {
    if (name == ":authority") return take(authority_, has_authority_, without_userinfo(value));
    if (name == "host") return take(host_, has_host_, value);
    return true;
  }
  bool end(NameText& name) const {
    if (has_authority_ && has_host_ && !same_host(authority_.text(), host_.text())) return false;
    if (has_authority_ || has_host_) name = has_authority_ ? authority_ : host_;
    return true;
  }

 private:
  static bool take(NameText& name, bool& has, std::string_view value) {
    if (has) return false;  // repeated
    set_text(name, value);
    return has = true;
  }

  NameText authority_, host_;
  bool has_authority_ = false, has_host_ = false;
};

}  // namespace

struct Http2Reader::State {
  enum class Next : std::uint8_t { Preface, Frame, Prefix, Fragment, Skip, Failed };

  // One step from the front of the stream; NeedMore with nothing consumed when there is too little for it.
  ReadStatus step(Bytes stream, std::size_t& consumed, NameText& authority) {
    switch (next) {
      case Next::Preface:
        if (!begins_like_preface(stream)) return ReadStatus::NotThis;
        if (stream.size() < kPreface.size()) return ReadStatus::NeedMore;
        consumed = kPreface.size();
        next = Next::Frame;
        return ReadStatus::NeedMore;
      case Next::Frame:
        return frame_header(stream, consumed);
      case Next::Prefix:
        return prefix(stream, consumed);
      case Next::Fragment:
        return fragment_bytes(stream, consumed, authority);
      case Next::Skip:
        consumed = std::min(skip, stream.size());
        skip -= consumed;
        if (skip == 0) next = Next::Frame;
        return ReadStatus::NeedMore;
      case Next::Failed:
        break;
    }
    return ReadStatus::Malformed;
  }

  ReadStatus frame_header(Bytes stream, std::size_t& consumed) {
    if (stream.size() < kFrameHeader) return ReadStatus::NeedMore;
    ByteReader reader(stream);
    const std::size_t length = reader.u24();
    const std::uint8_t type = reader.u8();
    flags = reader.u8();
    const std::uint32_t id = reader.u32() & 0x7fffffff;
    consumed = kFrameHeader;
    const bool opens = type == kHeaders || type == kPushPromise;
    // RFC 9113 §6.10: a header block goes on in CONTINUATION frames of its stream, with nothing between.
    if ((type == kContinuation) != in_block || (in_block && id != block_stream)) return ReadStatus::Malformed;
    if (!opens && !in_block) {
      skip = length;
      next = Next::Skip;
      return ReadStatus::NeedMore;
    }
    if (opens) {
      if (id == 0) return ReadStatus::Malformed;
      block_stream = id;
      block_size = 0;
      in_block = true;
      names = {};
    }
    prefix_size = 0;
    if (opens) prefix_size += (flags & kPadded) != 0 ? 1 : 0;
    if (type == kHeaders) prefix_size += (flags & kPriority) != 0 ? 5 : 0;  // dependency and weight
    if (type == kPushPromise) prefix_size += 4;                             // promised stream
    if (prefix_size > length) return ReadStatus::Malformed;
    padded = opens && (flags & kPadded) != 0;
    fragment = length - prefix_size;
    next = Next::Prefix;
    return ReadStatus::NeedMore;
  }

  ReadStatus prefix(Bytes stream, std::size_t& consumed) {
    if (stream.size() < prefix_size) return ReadStatus::NeedMore;
    consumed = prefix_size;
    skip = padded ? stream[0] : 0;
    if (skip > fragment) return ReadStatus::Malformed;
    fragment -= skip;
    block_size += fragment;
    if (block_size > kMaxBlock) return ReadStatus::Malformed;
    next = Next::Fragment;
    return ReadStatus::NeedMore;
  }

  ReadStatus fragment_bytes(Bytes stream, std::size_t& consumed, NameText& authority) {
    consumed = std::min(fragment, stream.size());
    fragment -= consumed;
    const bool last = fragment == 0 && (flags & kEndHeaders) != 0;
    if (!inflater.inflate(stream.first(consumed), last,
                          [this](std::string_view name, std::string_view value) { return names.field(name, value); }))
      return ReadStatus::Malformed;
    if (fragment > 0) return ReadStatus::NeedMore;
    next = Next::Skip;  // of the padding
    if (!last) return ReadStatus::NeedMore;
    in_block = false;
    return names.end(authority) ? ReadStatus::Found : ReadStatus::Malformed;
  }

  Next next = Next::Preface;
  std::uint8_t flags = 0;
  bool in_block = false, padded = false;
  std::uint32_t block_stream = 0;
  std::size_t block_size = 0;   // declared so far
  std::size_t prefix_size = 0;  // before the fragment in this frame
  std::size_t fragment = 0;     // still to come in this frame
  std::size_t skip = 0;         // of no interest: padding, other frames
  BlockNames names;
  Inflater inflater;
};

Http2Reader::Http2Reader() : state_(std::make_unique<State>()) {}
Http2Reader::~Http2Reader() = default;

ReadStatus Http2Reader::read(Bytes stream, std::size_t& consumed, NameText& authority) {
  consumed = 0;
  authority.clear();
  // A frame takes several steps, some of which consume nothing: a caller sees none of those alone.
  for (;;) {
    const State::Next before = state_->next;
    std::size_t taken = 0;
    const ReadStatus status = state_->step(stream.subspan(consumed), taken, authority);
    consumed += taken;
    if (status == ReadStatus::Malformed) state_->next = State::Next::Failed;
    if (status != ReadStatus::NeedMore || state_->next == before) return status;
    if (state_->next == State::Next::Frame && consumed > 0) return status;
  }
}

void Http2Reader::reset() { state_ = std::make_unique<State>(); }

bool looks_like_http2(Bytes stream) { return stream.size() >= 4 && begins_like_preface(stream); }

}  // namespace airtight::audit
