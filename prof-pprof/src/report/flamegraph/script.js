// What a viewer that runs scripts adds to the picture: zooming, searching, and a line about the frame under the pointer.
// The frames stand in the order of a walk from the root, each before its callees, so that those of a frame follow it until
// one of its own depth.
(function () {
    'use strict';
    var svg = document.documentElement;
    var holder = document.getElementById('frames');
    if (!holder) return;
    var row = +holder.getAttribute('data-row');
    var margin = +holder.getAttribute('data-margin');
    var character = +holder.getAttribute('data-character');
    var padding = +holder.getAttribute('data-padding');
    var full = svg.viewBox.baseVal.width - 2 * margin;
    var details = document.getElementById('details');
    var matched = document.getElementById('matched');
    var reset = document.getElementById('reset');
    var search = document.getElementById('search');

    var frames = Array.prototype.map.call(holder.getElementsByTagName('g'), function (group) {
        var rect = group.getElementsByTagName('rect')[0];
        var about = group.getElementsByTagName('title')[0].textContent;
        var end = about.lastIndexOf('\n');
        return {
            group: group, rect: rect, text: group.getElementsByTagName('text')[0],
            name: about.slice(0, end), about: about.slice(0, end) + ' (' + about.slice(end + 1) + ')',
            x: +rect.getAttribute('x'), y: +rect.getAttribute('y'), width: +rect.getAttribute('width')
        };
    });
    if (frames.length === 0) return;
    frames.forEach(function (frame) { frame.depth = Math.round(Math.abs(frame.y - frames[0].y) / row); });

    function place(frame, x, width) {
        frame.rect.setAttribute('x', x.toFixed(2));
        frame.rect.setAttribute('width', width.toFixed(2));
        frame.text.setAttribute('x', (x + padding).toFixed(2));
        var room = Math.max(0, Math.floor((width - 2 * padding) / character));
        var letters = Array.from(frame.name);
        frame.text.textContent = room < 3 ? '' :
            letters.length <= room ? frame.name : letters.slice(0, room - 2).join('') + '..';
    }

    // Makes the frame at this index as wide as the picture, with its callers under it.
    function zoom(index) {
        var chosen = frames[index];
        var factor = chosen.width > 0 ? full / chosen.width : 1;
        var callers = [], depth = chosen.depth;
        for (var before = index - 1; before >= 0 && depth > 0; before--) {
            if (frames[before].depth < depth) {
                depth = frames[before].depth;
                callers.push(frames[before]);
            }
        }
        frames.forEach(function (frame) {
            var isCaller = callers.indexOf(frame) >= 0;
            frame.group.classList.toggle('caller', isCaller);
            frame.isShown = isCaller;
            if (isCaller) place(frame, margin, full);
        });
        for (var at = index; at < frames.length && (at === index || frames[at].depth > chosen.depth); at++) {
            frames[at].isShown = true;
            place(frames[at], margin + (frames[at].x - chosen.x) * factor, frames[at].width * factor);
        }
        frames.forEach(function (frame) { frame.group.style.display = frame.isShown ? '' : 'none'; });
        reset.setAttribute('visibility', index === 0 ? 'hidden' : 'visible');
    }

    // Marks the frames whose name an expression, or a text that is none, is found in; an empty one marks none.
    function find(wanted) {
        var expression = null;
        try { expression = new RegExp(wanted); } catch (error) { /* A text, then. */ }
        // The depth of the found frame that the walk is under.
        var width = 0, covered = Infinity;
        frames.forEach(function (frame) {
            var isFound = wanted !== '' &&
                ((expression !== null && expression.test(frame.name)) || frame.name.indexOf(wanted) >= 0);
            frame.group.classList.toggle('found', isFound);
            // What a frame under another found one measured is that one's already.
            if (frame.depth <= covered) covered = Infinity;
            if (isFound && covered === Infinity) {
                covered = frame.depth;
                width += frame.width;
            }
        });
        matched.textContent = wanted === '' ? ' ' : 'matched: ' + (100 * width / full).toFixed(2) + '%';
        search.textContent = wanted === '' ? 'search' : 'clear search';
        isSearching = wanted !== '';
    }

    var isSearching = false;
    function ask() {
        var wanted = window.prompt('A regular expression or text to look for in the names', '');
        if (wanted !== null) find(wanted);
    }

    frames.forEach(function (frame, index) {
        frame.group.addEventListener('click', function () { zoom(index); });
        frame.group.addEventListener('mouseenter', function () { details.textContent = frame.about; });
        frame.group.addEventListener('mouseleave', function () { details.textContent = ' '; });
    });
    reset.addEventListener('click', function () { zoom(0); });
    search.addEventListener('click', function () { if (isSearching) find(''); else ask(); });
    window.addEventListener('keydown', function (event) {
        if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'f') {
            event.preventDefault();
            ask();
        } else if (event.key === 'Escape') {
            find('');
            zoom(0);
        }
    });
    search.setAttribute('visibility', 'visible');
    holder.setAttribute('class', 'live');
}());
