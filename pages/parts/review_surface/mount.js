// Streamlit calls this at the first mount and again whenever the page's data or the theme changes.

const SURFACES = new WeakMap();

export default function (component) {
  const { data, parentElement } = component;
  const same = SURFACES.get(parentElement);
  if (same && same.data.key === data.key) {
    same.update(data);
  } else {
    same?.close();
    const surface = new Surface({ ...data });
    SURFACES.set(parentElement, surface);
    surface.mount(parentElement);
  }
  return () => {
    SURFACES.get(parentElement)?.close();
    SURFACES.delete(parentElement);
  };
}
