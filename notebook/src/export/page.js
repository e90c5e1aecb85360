(function () {
  'use strict';
  var dials = JSON.parse(document.getElementById('dials').textContent);
  var figures = document.querySelectorAll('figure');
  var views = [];
  var decoded = new Map();

  // Data is base64 of a zlib stream of JSON.
  function unpack(text) {
    var bytes = Uint8Array.from(atob(text.trim()), function (letter) { return letter.charCodeAt(0); });
    var stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
    return new Response(stream).text().then(JSON.parse);
  }

  // The pictures of a frame, decoded before it is shown: none of it flickers.
  function pictures(html) {
    var all = html.match(/data:image\/png;base64,[A-Za-z0-9+\/=]+/g) || [];
    return Promise.all(all.map(function (source) {
      var known = decoded.get(source);
      if (known) { decoded.delete(source); } else {
        var image = new Image();
        image.src = source;
        known = { image: image, ready: image.decode().catch(function () {}) };
      }
      decoded.set(source, known);
      if (decoded.size > 400) { decoded.delete(decoded.keys().next().value); }
      return known.ready;
    }));
  }

  function frame(view, moved, by) {
    return view.dials.reduce(function (place, dial) {
      var count = dials[dial].values.length;
      var at = dials[dial].at + (dial === moved ? by : 0);
      return place * count + Math.max(0, Math.min(count - 1, at));
    }, 0);
  }

  function show(view, moved) {
    if (!view.data || !view.data.html) { return; }
    var at = view.data.at[frame(view)];
    if (at === view.wanted) { return; }
    view.wanted = at;
    var html = view.data.html[at];
    pictures(html).then(function () {
      if (view.wanted !== at) { return; }
      view.shown.innerHTML = html;
      buttons(view);
      // What comes next, to either side.
      if (moved !== undefined) {
        [1, -1, 2, -2, 3].forEach(function (by) { pictures(view.data.html[view.data.at[frame(view, moved, by)]]); });
      }
    });
  }

  function save(name, type, text) {
    var link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([text], { type: type }));
    link.download = name;
    link.click();
    setTimeout(function () { URL.revokeObjectURL(link.href); }, 10000);
  }

  function asSvg(picture) {
    var copy = picture.cloneNode(true);
    var box = picture.viewBox.baseVal;
    copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
    copy.setAttribute('width', box.width);
    copy.setAttribute('height', box.height);
    copy.setAttribute('font-family', 'Inter, Helvetica, Arial, sans-serif');
    // The colours that are seen now.
    var now = getComputedStyle(document.documentElement);
    var rules = document.getElementById('look').textContent.replace(/^:root\{.*?\}(?=@)/, '')
      .replace(/@media[^{]*\{:root\{[^}]*\}\}/g, '')
      .replace(/var\((--\w+)\)/g, function (_, name) { return now.getPropertyValue(name); });
    var style = document.createElementNS('http://www.w3.org/2000/svg', 'style');
    style.textContent = rules;
    var paper = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
    paper.setAttribute('width', '100%');
    paper.setAttribute('height', '100%');
    paper.setAttribute('class', 'p');
    copy.insertBefore(paper, copy.firstChild);
    copy.insertBefore(style, copy.firstChild);
    return new XMLSerializer().serializeToString(copy);
  }

  function button(words, act) {
    var made = document.createElement('button');
    made.type = 'button';
    made.textContent = words;
    made.addEventListener('click', act);
    return made;
  }

  // The buttons beneath a figure: those of what it shows now.
  function buttons(view) {
    var caption = view.element.querySelector('figcaption');
    Array.prototype.forEach.call(caption.querySelectorAll('button'), function (old) { old.remove(); });
    var name = 'figure-' + (views.indexOf(view) + 1);
    var all = view.shown.querySelectorAll('.picture > svg');
    Array.prototype.forEach.call(all, function (picture, place) {
      var words = all.length > 1 ? 'save SVG ' + (place + 1) : 'save SVG';
      caption.append(button(words, function () {
        save(name + (place ? '-' + (place + 1) : '') + '.svg', 'image/svg+xml', asSvg(picture));
      }));
    });
    var at = view.data && (view.data.at ? view.data.at[frame(view)] : 0);
    var data = view.data && view.data.data[at];
    if (data) { caption.append(button('save data', function () { save(name + '.csv', 'text/csv', data); })); }
  }

  function state() {
    return dials.map(function (dial) {
      return encodeURIComponent(dial.name) + '=' + encodeURIComponent(dial.values[dial.at]);
    }).join('&');
  }

  var waiting = false;
  function move(place, at, keep) {
    var dial = dials[place];
    dial.at = Math.max(0, Math.min(dial.values.length - 1, at));
    var control = document.getElementById('d' + place);
    if (control.type === 'checkbox') { control.checked = dial.at === 1; } else { control.value = dial.at; }
    var output = control.parentNode.querySelector('output');
    if (output) {
      output.textContent = dial.says[dial.at];
      control.setAttribute('aria-valuetext', dial.says[dial.at]);
    }
    if (!waiting) {
      waiting = true;
      requestAnimationFrame(function () {
        waiting = false;
        views.forEach(function (view) { show(view, place); });
      });
    }
    if (!keep) { try { history.replaceState(null, '', '#' + state()); } catch (_) { location.hash = state(); } }
  }

  function read() {
    location.hash.slice(1).split('&').forEach(function (part) {
      var pair = part.split('=').map(function (text) { try { return decodeURIComponent(text); } catch (_) { return text; } });
      dials.forEach(function (dial, place) {
        var at = dial.values.indexOf(pair[1]);
        // Of a number that is left out, the nearest.
        if (at < 0 && pair[1] && !isNaN(pair[1]) && dial.values.every(function (value) { return !isNaN(value); })) {
          var far = dial.values.map(function (value) { return Math.abs(value - pair[1]); });
          at = far.indexOf(Math.min.apply(null, far));
        }
        if (dial.name === pair[0] && at >= 0) { move(place, at, true); }
      });
    });
  }

  function play(place, control) {
    var timer = null;
    var made = button('▶', function () {
      if (timer) { stop(); return; }
      if (dials[place].at === dials[place].values.length - 1) { move(place, 0); }
      made.textContent = '❚❚';
      made.setAttribute('aria-label', 'stop');
      timer = setInterval(function () {
        if (dials[place].at === dials[place].values.length - 1) { stop(); return; }
        move(place, dials[place].at + 1);
      }, 150);
    });
    function stop() {
      clearInterval(timer);
      timer = null;
      made.textContent = '▶';
      made.setAttribute('aria-label', 'play ' + dials[place].name);
    }
    made.className = 'play';
    made.setAttribute('aria-label', 'play ' + dials[place].name);
    control.parentNode.insertBefore(made, control);
    control.addEventListener('input', function () { if (timer) { stop(); } });
  }

  views = Array.prototype.map.call(figures, function (element) {
    var of = element.getAttribute('data-dials');
    var packed = element.querySelector('script.frames');
    return {
      element: element,
      shown: element.querySelector('.shown'),
      dials: of ? of.split(' ').map(Number) : [],
      packed: packed ? packed.textContent : null,
      data: null,
      wanted: null
    };
  });
  views.forEach(buttons);
  if (!('DecompressionStream' in window)) { return; }

  dials.forEach(function (dial, place) {
    var control = document.getElementById('d' + place);
    if (!control) { return; }
    var read = function () { return control.type === 'checkbox' ? (control.checked ? 1 : 0) : Number(control.value); };
    control.addEventListener('input', function () { move(place, read()); });
    if (control.type === 'range' && dial.values.length > 1) { play(place, control); }
  });
  Array.prototype.forEach.call(document.querySelectorAll('.dials'), function (dials) { dials.hidden = false; });
  // One after the other, from the top: what is read first moves first.
  views.reduce(function (before, view) {
    return before.then(function () {
      if (!view.packed) { return; }
      return unpack(view.packed).then(function (data) {
        view.data = data;
        view.packed = null;
        view.wanted = data.at ? data.at[frame(view)] : null;
        if (data.at) { view.wanted = null; show(view); }
        buttons(view);
      });
    });
  }, Promise.resolve()).catch(function (error) { console.error(error); });
  read();
  addEventListener('hashchange', read);
})();
