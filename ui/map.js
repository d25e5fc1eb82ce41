// The map of the articles on a canvas: points, names of groups, zoom, and an article under pointer or key.
// `data` is what drawing() in map_view.py makes. Text of records reaches the page by fillText and textContent only.

const MARGIN = 26, BUTTONS = 58, REACH = 14, MOST_ZOOM = 24, MOVED = 5, NARROW = 640;
const kept = new WeakMap(); // what a redraw by Streamlit must not lose: zoom and position

export default function ({ parentElement, data, setTriggerValue }) {
  const old = kept.get(parentElement);
  if (old) old.stop();
  const state = old?.state ?? { zoom: 1, left: 0, top: 0, at: -1 };
  const made = build(parentElement, data, state, setTriggerValue);
  kept.set(parentElement, { state, stop: made });
  return made;
}

function build(root, data, state, tell) {
  root.querySelector(".map")?.remove();
  const count = data.id.length;
  if (state.at >= count) state.at = -1;
  const map = element("div", "map"), canvas = element("canvas"), tip = element("div", "tip");
  const zoom = element("div", "zoom"), said = element("div", "said");
  const closer = button("+", data.words.closer), farther = button("−", data.words.farther);
  const whole = button("⤢", data.words.whole);
  zoom.append(closer, farther, whole);
  tip.hidden = true;
  said.setAttribute("aria-live", "polite");
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "application");
  canvas.setAttribute("aria-label", `${data.words.map}. ${data.words.keys}`);
  map.append(canvas, zoom, tip, said);
  root.append(map);

  let width = 0, height = 0, hover = -1, labels = [], frame = 0;
  const wide = () => width - MARGIN - BUTTONS, high = () => height - 2 * MARGIN; // what points have room in
  const x = (i) => MARGIN + ((data.x[i] / 1e4) * state.zoom - state.left) * wide();
  const y = (i) => MARGIN + ((data.y[i] / 1e4) * state.zoom - state.top) * high();
  const place = (label) => [
    MARGIN + ((label.x / 1e4) * state.zoom - state.left) * wide(),
    MARGIN + ((label.y / 1e4) * state.zoom - state.top) * high(),
  ];
  const radius = () => (count > 1500 ? 2.6 : count > 300 ? 3.4 : 4.5) * Math.min(2.2, Math.sqrt(state.zoom));

  const later = () => { frame ||= requestAnimationFrame(() => { frame = 0; draw(); }); };

  function draw() {
    const box = map.getBoundingClientRect();
    if (!box.width) return;
    width = box.width;
    height = Math.round(Math.min(580, Math.max(380, width * 0.56)));
    const dense = window.devicePixelRatio || 1;
    canvas.style.height = `${height}px`;
    canvas.width = Math.round(width * dense);
    canvas.height = Math.round(height * dense);
    const pen = canvas.getContext("2d");
    pen.scale(dense, dense);
    const style = getComputedStyle(map);
    const text = style.color, ground = style.getPropertyValue("--st-background-color").trim() || "#fff";
    const size = radius();
    for (let i = 0; i < count; i++) {
      const level = data.level[i], px = x(i), py = y(i);
      if (px < -20 || py < -20 || px > width + 20 || py > height + 20) continue;
      pen.globalAlpha = level === "0" ? 0.16 : level === "1" ? 0.82 : 1;
      pen.fillStyle = data.colours[data.colour[i]];
      pen.beginPath();
      pen.arc(px, py, level === "2" ? size + 2.2 : size, 0, 6.2832);
      pen.fill();
      if (level === "2") {
        pen.lineWidth = 1.4;
        pen.strokeStyle = text;
        pen.stroke();
      }
    }
    pen.globalAlpha = 1;
    drawLabels(pen, text, ground);
    const marked = hover >= 0 ? hover : document.activeElement && focused() ? state.at : -1;
    if (marked >= 0) {
      pen.lineWidth = 2.5;
      pen.strokeStyle = text;
      pen.beginPath();
      pen.arc(x(marked), y(marked), size + 4, 0, 6.2832);
      pen.stroke();
    }
    canvas.dataset.drawn = String(count);
  }

  // The larger groups first; a name that would cover another steps aside, and stays away where there is no room.
  function drawLabels(pen, text, ground) {
    labels = [];
    const narrow = width < NARROW;
    for (const label of data.labels) {
      const words = narrow ? label.number : `${label.number} ${label.text}`.trim();
      pen.font = `${label.chosen ? 700 : 600} 13px ${getComputedStyle(map).fontFamily}`;
      const wide = pen.measureText(words).width + 10, tall = 20, [cx, cy] = place(label);
      if (cx < -wide || cy < -tall || cx > width + wide || cy > height + tall) continue;
      const left = Math.min(Math.max(cx - wide / 2, 2), width - wide - 2);
      const free = (count < 300 ? [-26, 26, -46, 46, 0] : [0, -20, 20, -40, 40, -60, 60]) // few points stay free
        .map((step) => ({ left, top: Math.min(Math.max(cy - tall / 2 + step, 2), height - tall - 2), wide, tall }))
        .find((one) => !labels.some((other) => meets(one, other)) && !(one.left + wide > width - 46 && one.top < 118));
      if (!free) continue;
      labels.push({ ...free, group: label.group });
      pen.globalAlpha = 0.82;
      pen.fillStyle = ground;
      pen.beginPath();
      pen.roundRect(free.left, free.top, wide, tall, 5);
      pen.fill();
      pen.globalAlpha = 1;
      if (label.chosen) {
        pen.lineWidth = 1.5;
        pen.strokeStyle = text;
        pen.stroke();
      }
      pen.fillStyle = text;
      pen.textBaseline = "middle";
      pen.fillText(words, free.left + 5, free.top + tall / 2 + 1);
    }
  }

  const focused = () => (root.activeElement ?? root.getRootNode().activeElement) === canvas;

  function nearest(px, py) {
    let best = -1, far = REACH * REACH;
    for (let i = count - 1; i >= 0; i--) {
      const away = (x(i) - px) ** 2 + (y(i) - py) ** 2;
      if (away < far && (data.level[i] !== "0" || best < 0)) [best, far] = [i, away];
    }
    return best;
  }

  function about(i) {
    return [data.year[i] || "", data.kinds[data.kind[i]], data.groups[data.group[i]]].filter(Boolean).join(" · ");
  }

  function show(i) {
    tip.hidden = i < 0;
    if (i < 0) return;
    const title = element("span", "title"), more = element("span", "about");
    title.textContent = data.title[i];
    more.textContent = about(i);
    tip.replaceChildren(title, more);
    const px = x(i), py = y(i), over = py > height / 2;
    tip.style.left = `${Math.min(Math.max(px - tip.offsetWidth / 2, 4), Math.max(4, width - tip.offsetWidth - 4))}px`;
    tip.style.top = `${over ? py - tip.offsetHeight - 12 : py + 12}px`;
  }

  function look(i) {
    if (i === hover) return;
    hover = i;
    show(i);
    later();
  }

  function limit() {
    state.zoom = Math.min(MOST_ZOOM, Math.max(1, state.zoom));
    for (const side of ["left", "top"]) state[side] = Math.min(state.zoom - 1, Math.max(0, state[side]));
    canvas.style.touchAction = state.zoom > 1 ? "none" : "pan-y";
    farther.disabled = whole.disabled = state.zoom <= 1;
    closer.disabled = state.zoom >= MOST_ZOOM;
    later();
  }

  function rescale(by, px = width / 2, py = height / 2) {
    const before = state.zoom, u = (px - MARGIN) / wide(), v = (py - MARGIN) / high();
    state.zoom = Math.min(MOST_ZOOM, Math.max(1, state.zoom * by));
    state.left = ((state.left + u) / before) * state.zoom - u;
    state.top = ((state.top + v) / before) * state.zoom - v;
    limit();
  }

  // -- pointer ------------------------------------------------------------------------------------

  let held = null;
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const labelAt = (px, py) =>
    labels.find((one) => px >= one.left && px <= one.left + one.wide && py >= one.top && py <= one.top + one.tall);

  canvas.addEventListener("pointerdown", (event) => {
    const [px, py] = at(event);
    held = { px, py, left: state.left, top: state.top, moved: false };
  });
  canvas.addEventListener("pointermove", (event) => {
    const [px, py] = at(event);
    if (held) {
      if (Math.hypot(px - held.px, py - held.py) > MOVED) held.moved = true;
      if (held.moved && state.zoom > 1) {
        canvas.setPointerCapture(event.pointerId);
        state.left = held.left - (px - held.px) / wide();
        state.top = held.top - (py - held.py) / high();
        look(-1);
        limit();
      }
      return;
    }
    const over = labelAt(px, py), found = over ? -1 : nearest(px, py);
    canvas.style.cursor = over || found >= 0 ? "pointer" : state.zoom > 1 ? "grab" : "default";
    look(found);
  });
  canvas.addEventListener("pointerup", (event) => {
    const was = held;
    held = null;
    if (!was || was.moved) return;
    const [px, py] = at(event), over = labelAt(px, py);
    if (over) {
      tell("grouped", over.group);
      return;
    }
    const found = nearest(px, py);
    if (found >= 0) tell("picked", data.id[found]);
  });
  canvas.addEventListener("pointercancel", () => { held = null; });
  canvas.addEventListener("pointerleave", () => { held = null; look(-1); });
  canvas.addEventListener("dblclick", (event) => {
    const [px, py] = at(event);
    if (nearest(px, py) < 0 && !labelAt(px, py)) rescale(2, px, py);
  });
  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return; // the page scrolls
    event.preventDefault();
    rescale(Math.exp(-event.deltaY / 250), ...at(event));
  }, { passive: false });

  // -- keys ---------------------------------------------------------------------------------------

  const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  function step([dx, dy]) {
    if (state.at < 0) return count - 1; // the points drawn last, among them what is lit
    let best = state.at, least = Infinity;
    for (let i = 0; i < count; i++) {
      if (data.level[i] === "0" && data.level[state.at] !== "0") continue;
      const ax = x(i) - x(state.at), ay = y(i) - y(state.at), along = ax * dx + ay * dy;
      const aside = Math.abs(ax * dy) + Math.abs(ay * dx);
      if (along > 0.01 && along >= aside && along + 2 * aside < least) [best, least] = [i, along + 2 * aside];
    }
    return best;
  }

  canvas.addEventListener("keydown", (event) => {
    if (ways[event.key] && count) {
      state.at = step(ways[event.key]);
      const px = x(state.at), py = y(state.at);
      if (px < 0 || py < 0 || px > width || py > height) {
        state.left += (px - width / 2) / wide();
        state.top += (py - height / 2) / high();
      }
      limit();
      hover = state.at;
      draw();
      show(state.at);
      said.textContent = `${data.title[state.at]} ${about(state.at)}`;
    } else if (event.key === "Enter" && state.at >= 0) tell("picked", data.id[state.at]);
    else if (event.key === "+" || event.key === "=") rescale(1.5);
    else if (event.key === "-") rescale(1 / 1.5);
    else if (event.key === "0") rescale(0);
    else if (event.key === "Escape") look(-1);
    else return;
    event.preventDefault();
  });
  canvas.addEventListener("blur", () => look(-1));
  closer.addEventListener("click", () => rescale(1.5));
  farther.addEventListener("click", () => rescale(1 / 1.5));
  whole.addEventListener("click", () => rescale(0));

  // -- when to draw again ---------------------------------------------------------------------------

  const sizes = new ResizeObserver(later);
  sizes.observe(map);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const restyle = () => { later(); setTimeout(later, 300); };
  dark.addEventListener("change", restyle);
  map.addEventListener("transitionend", later);
  limit();
  draw();
  document.fonts?.ready.then(later);
  return () => {
    sizes.disconnect();
    dark.removeEventListener("change", restyle);
    cancelAnimationFrame(frame);
  };
}

const meets = (a, b) =>
  a.left < b.left + b.wide && b.left < a.left + a.wide && a.top < b.top + b.tall && b.top < a.top + a.tall;

function element(name, cls) {
  const made = document.createElement(name);
  if (cls) made.className = cls;
  return made;
}

function button(face, name) {
  const made = element("button");
  made.type = "button";
  made.textContent = face;
  made.title = name;
  made.setAttribute("aria-label", name);
  return made;
}
