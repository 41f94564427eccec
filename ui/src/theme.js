(function () {
  var root = document.documentElement, read = function (k) { try { return localStorage.getItem(k); } catch (e) { return null; } };
  var theme = read('vonglau.theme');
  if (theme === 'dark' || theme === 'light') root.dataset.theme = theme;
  root.lang = read('vonglau.lang') === 'en' ? 'en' : 'vi';
  if (read('vonglau.density') === 'compact') root.dataset.density = 'compact';
})();
