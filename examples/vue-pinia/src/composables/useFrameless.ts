import { getCurrentWindow, LogicalSize } from '@tauri-apps/api/window';
import { onScopeDispose, type ShallowRef, watch } from 'vue';

/** What a title bar and a frame would do: the window is as tall as its content, and can be dragged. */
export function useFrameless(content: Readonly<ShallowRef<HTMLElement | null>>): {
  drag(event: PointerEvent): void;
} {
  const current = getCurrentWindow();

  const observer = new ResizeObserver(([entry]) => {
    if (!entry) return;
    const height = Math.ceil(entry.borderBoxSize[0]?.blockSize ?? entry.contentRect.height);
    current.setSize(new LogicalSize(innerWidth, height)).catch(console.error);
  });
  watch(content, (element) => element && observer.observe(element));
  onScopeDispose(() => observer.disconnect());

  return {
    drag({ button, target }) {
      if (button !== 0 || (target as Element).closest('button')) return;
      current.startDragging().catch(console.error);
    },
  };
}
